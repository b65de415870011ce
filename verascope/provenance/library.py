"""The one door to c2pa-python: imported late, and loaded from its own folder only."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

NAME_VARIABLE = "C2PA_LIBRARY_NAME"
LOCK = Lock()  # the first import changes the environment for a moment


def load() -> Any:
    """The c2pa module; from any thread.

    It looks for its shared library in the current folder first, so a folder of downloads with a
    `libc2pa_c.so` in it would run that; it is told the full path instead.
    """
    with LOCK:
        return _loaded()


@cache
def _loaded() -> Any:
    with _library_path(), _without_metadata():
        return import_module("c2pa")


@contextmanager
def _library_path() -> Iterator[None]:
    """Name the library that came with the package, by its full path, while c2pa is imported."""
    before = os.environ.get(NAME_VARIABLE)
    os.environ[NAME_VARIABLE] = str(_shipped_library())
    try:
        yield
    finally:
        os.environ.pop(NAME_VARIABLE)
        if before is not None:
            os.environ[NAME_VARIABLE] = before


def _shipped_library() -> Path:
    spec = find_spec("c2pa")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("c2pa-python is not installed", name="c2pa")
    names = {"darwin": "libc2pa_c.dylib", "win32": "c2pa_c.dll"}
    folder = Path(spec.submodule_search_locations[0]).resolve() / "libs"
    return folder / names.get(sys.platform, "libc2pa_c.so")


@contextmanager
def _without_metadata() -> Iterator[None]:
    """Spare c2pa the import of importlib.metadata: half of its start-up, for a version string.

    It expects that this import may fail. Where somebody has it loaded already, nothing is saved.
    """
    name = "importlib.metadata"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        yield
    finally:
        del sys.modules[name]
