"""Names to detectors: built-in ones, entry points of other packages, and model folders.

Listing imports nothing heavy; a duplicate name is an error, an unknown one lists its neighbours.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from verascope.detect.contract import Detector
from verascope.errors import UsageError, VerascopeError
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


class Tiers(NamedTuple):
    """The two built-in detectors of a modality, by name."""

    fast: str
    accurate: str  # needs encoders, which `verascope models install` puts into the cache


TIERS = {
    Modality.IMAGE: Tiers("image-residual", "image-clip"),
    Modality.AUDIO: Tiers("audio-spectral", "audio-encoders"),
    Modality.TEXT: Tiers("text-style", "text-smollm"),
}
SPECTRUM_NETWORK = "verascope.detect.audio_network:AudioNetwork"  # of `train audio`
BUILT_IN = {
    "image-residual": Entry(Modality.IMAGE, "verascope.detect.image_residual:ImageResidual"),
    "image-clip": Entry(Modality.IMAGE, "verascope.detect.image_clip:ImageClip"),
    "audio-spectral": Entry(Modality.AUDIO, "verascope.detect.audio_spectral:AudioSpectral"),
    "audio-encoders": Entry(Modality.AUDIO, "verascope.detect.audio_encoders:AudioEncoders"),
    "text-style": Entry(Modality.TEXT, "verascope.detect.text_style:TextStyle"),
    "text-smollm": Entry(Modality.TEXT, "verascope.detect.text_smollm:TextSmollm"),
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
    """The registered detectors but for the tier of each modality that was not asked for.

    Where the accurate tier of a modality was asked for and lacks its encoders, the fast one takes
    its place; `lacking` tells of it.

    Raises:
        UsageError: accurate tiers were asked for by name and none has its encoders.
    """
    lacks = {} if quality is Quality.FAST else _lacks()
    if quality is Quality.ACCURATE and len(lacks) == len(TIERS):
        raise next(iter(lacks.values()))
    left_out = {
        tiers.accurate if quality is Quality.FAST or modality in lacks else tiers.fast
        for modality, tiers in TIERS.items()
    }
    return {name: entry for name, entry in entries().items() if name not in left_out}


def lacking(quality: Quality) -> list[str]:
    """What was asked for and is not there, in words that name the mend; a line each."""
    if quality is not Quality.ACCURATE:
        return []
    return [
        f"{modality}: {TIERS[modality].fast} judges instead; {error}"
        for modality, error in _lacks().items()
    ]


def _lacks() -> dict[Modality, VerascopeError]:
    """The modalities whose accurate tier has no encoders to stand on, and what is missing."""
    found = {}
    for modality, tiers in TIERS.items():
        detector: Any = build(tiers.accurate, BUILT_IN[tiers.accurate])
        if not detector.find():
            found[modality] = detector.missing()
    return found


def resolve(name: str) -> Entry:
    """A registered name, or the path of a model folder, to where the detector comes from.

    Raises:
        UsageError: there is no such detector.
    """
    if name in entries():
        return entries()[name]
    if (Path(name) / "model.json").is_file():
        return _of_folder(Path(name))
    from difflib import get_close_matches

    near = get_close_matches(name, entries(), n=3)
    hint = f"; did you mean {' or '.join(near)}" if near else f"; there are {', '.join(entries())}"
    raise UsageError(f"no detector or model folder called {name!r}{hint}")


def _of_folder(folder: Path) -> Entry:
    """What runs a model folder of `verascope train`: it may stand on encoders."""
    from verascope.detect.model_folder import ModelFolder
    from verascope.detect.spectral_encoder import NAME

    described = ModelFolder(folder).description
    if described.modality is Modality.AUDIO and not described.encoders:
        return Entry(described.modality, SPECTRUM_NETWORK, str(folder.absolute()))
    stands = described.encoder is not None or any(use.name != NAME for use in described.encoders)
    tiers = TIERS[described.modality]
    target = BUILT_IN[tiers.accurate if stands else tiers.fast].target
    return Entry(described.modality, target, str(folder.absolute()))


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
