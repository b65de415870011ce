"""Names to detectors: built-in ones, entry points of other packages, and model folders.

Listing imports nothing heavy; a duplicate name is an error, an unknown one lists its neighbours.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from verascope.detect.contract import Detector
from verascope.errors import UsageError
from verascope.result import Modality
from verascope.settings import Quality

ENTRY_POINTS = "verascope.detectors"


class Entry(Struct, frozen=True):
    """Where a detector comes from; all that a worker needs to build one without the registry.

    `target` is `module:Class`; `folder` a model folder for it, where that is not its own.
    """

    modality: Modality
    target: str
    folder: str | None = None


FAST = "image-residual"
ACCURATE = "image-clip"  # needs its encoder, which `verascope models install` puts into the cache
BUILT_IN = {
    FAST: Entry(Modality.IMAGE, "verascope.detect.image_residual:ImageResidual"),
    ACCURATE: Entry(Modality.IMAGE, "verascope.detect.image_clip:ImageClip"),
}


@cache
def entries() -> dict[str, Entry]:
    """All registered detectors by name.

    A third party registers `"<modality>.<name>" = "package.module:Class"` in the entry-point
    group `verascope.detectors`, so that listing needs no import.

    Raises:
        UsageError: two packages register the same name.
    """
    from importlib.metadata import entry_points  # 25 ms of CPU that workers are spared

    found = dict(BUILT_IN)
    for point in entry_points(group=ENTRY_POINTS):
        modality, _, name = point.name.partition(".")
        if name in found:
            raise UsageError(f"two detectors are called {name!r}: uninstall one")
        if modality not in list(Modality) or not name:
            raise UsageError(f"entry point {point.name!r} must be called <modality>.<name>")
        found[name] = Entry(Modality(modality), point.value)
    return found


def wanted(quality: Quality) -> dict[str, Entry]:
    """The registered detectors but for the image tier that was not asked for.

    Raises:
        UsageError: the accurate tier was asked for by name and has no encoder to stand on.
    """
    left_out = FAST if _accurate(quality) else ACCURATE
    return {name: entry for name, entry in entries().items() if name != left_out}


def _accurate(quality: Quality) -> bool:
    if quality is Quality.FAST:
        return False
    from verascope.detect.image_clip import ImageClip

    detector = ImageClip(name=ACCURATE)
    if detector.find() is not None:
        return True
    if quality is Quality.ACCURATE:
        raise detector.missing()
    return False


def resolve(name: str) -> Entry:
    """A registered name, or the path of a model folder, to where the detector comes from.

    Raises:
        UsageError: there is no such detector.
    """
    if name in entries():
        return entries()[name]
    if (Path(name) / "model.json").is_file():
        return Entry(Modality.IMAGE, _runner(Path(name)), str(Path(name).absolute()))
    from difflib import get_close_matches

    near = get_close_matches(name, entries(), n=3)
    hint = f"; did you mean {' or '.join(near)}" if near else f"; there are {', '.join(entries())}"
    raise UsageError(f"no detector or model folder called {name!r}{hint}")


def _runner(folder: Path) -> str:
    """What runs a model folder of `verascope train`: it stands on an encoder, or on crops."""
    from verascope.detect.model_folder import ModelFolder

    described = ModelFolder(folder).description
    return BUILT_IN[FAST if described.encoder is None else ACCURATE].target


def build(
    name: str,
    entry: Entry,
    *,
    providers: Sequence[str] = ("CPUExecutionProvider",),
    threads: int = 1,
    batch: int = 1,
) -> Detector:
    """The detector of an entry; loads no model yet. Third parties' are not asked to batch."""
    module, _, attribute = entry.target.partition(":")
    make: Callable[..., Detector] = getattr(import_module(module), attribute)
    more: dict[str, Any] = {"providers": providers, "threads": threads}
    if batch > 1 and module.startswith("verascope."):
        more["batch"] = batch
    if entry.folder is None:
        return make(name=name, **more)
    return make(Path(entry.folder), **more)


def create(name: str) -> Detector:
    """A detector by its registered name or by the path of a model folder, on one CPU thread.

    Raises:
        UsageError: there is no such detector.
    """
    return build(name, resolve(name))
