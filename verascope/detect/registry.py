"""Names to detectors: built-in ones, entry points of other packages, and model folders.

Listing imports nothing heavy; a duplicate name is an error, an unknown one lists its neighbours.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from verascope.detect.contract import Detector
from verascope.errors import UsageError
from verascope.result import Modality

ENTRY_POINTS = "verascope.detectors"


class Entry(NamedTuple):
    """A registered detector: its modality and where its class is (`module:Class`)."""

    modality: Modality
    target: str


BUILT_IN = {
    "image-residual": Entry(Modality.IMAGE, "verascope.detect.image_residual:ImageResidual"),
}


@cache
def entries() -> dict[str, Entry]:
    """All registered detectors by name.

    A third party registers `"<modality>.<name>" = "package.module:Class"` in the entry-point
    group `verascope.detectors`, so that listing needs no import.

    Raises:
        UsageError: two packages register the same name.
    """
    found = dict(BUILT_IN)
    for point in entry_points(group=ENTRY_POINTS):
        modality, _, name = point.name.partition(".")
        if name in found:
            raise UsageError(f"two detectors are called {name!r}: uninstall one")
        if modality not in list(Modality) or not name:
            raise UsageError(f"entry point {point.name!r} must be called <modality>.<name>")
        found[name] = Entry(Modality(modality), point.value)
    return found


def names(modality: Modality) -> tuple[str, ...]:
    """The registered detectors of a modality."""
    return tuple(name for name, entry in entries().items() if entry.modality is modality)


def create(
    name: str, *, providers: Sequence[str] = ("CPUExecutionProvider",), threads: int = 1
) -> Detector:
    """A detector by its registered name, or by the path of a model folder.

    Raises:
        UsageError: there is no such detector.
    """
    entry = entries().get(name)
    if entry is not None:
        return _load(entry.target)(name=name, providers=providers, threads=threads)
    if (Path(name) / "model.json").is_file():
        target = _load(BUILT_IN["image-residual"].target)
        return target(Path(name), name=Path(name).name, providers=providers, threads=threads)
    near = get_close_matches(name, entries(), n=3)
    hint = f"; did you mean {' or '.join(near)}" if near else f"; there are {', '.join(entries())}"
    raise UsageError(f"no detector or model folder called {name!r}{hint}")


def _load(target: str) -> Callable[..., Detector]:
    module, _, attribute = target.partition(":")
    loaded: Callable[..., Detector] = getattr(import_module(module), attribute)
    return loaded
