"""Operating points on a user's own real files: a small file by name, for one model.

`verascope calibrate` writes it. The model's scores stay as they are; what is replaced is from which
score on something is said.
"""

import hashlib
import os
import re
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct

from verascope.detect.contract import Detector
from verascope.errors import UsageError
from verascope.result import Modality, OperatingPoint

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class ModelUse(Struct, frozen=True, kw_only=True):
    """The model whose scores the thresholds are of; `encoder_sha256` where it stands on one."""

    detector: str
    version: str
    sha256: str
    encoder_sha256: str | None
    modality: Modality


class Origin(Struct, frozen=True, kw_only=True):
    """One source of the real files: a folder.

    Attributes:
        items: files of it that count.
        reach: by operating point, the share of them at or above the threshold that the other
            sources alone would set; null where these are too few.
    """

    items: int
    reach: dict[str, float | None]


class Profile(Struct, frozen=True, kw_only=True, dict=True):
    """What the file of a calibration holds.

    Attributes:
        name: as it is asked for.
        made: the day, ISO 8601.
        verascope: the version that wrote it.
        command: the command line.
        model: whose thresholds these are.
        items: real files that were scored and count.
        left_out: others, by why.
        sources: by name, as paths below the folder.
        operating_points: the thresholds.
    """

    name: str
    made: str
    verascope: str
    command: tuple[str, ...]
    model: ModelUse
    items: int
    left_out: dict[str, int]
    sources: dict[str, Origin]
    operating_points: tuple[OperatingPoint, ...]

    @cached_property
    def sha256(self) -> str:
        """Of the file as it was written, hex."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def label(self) -> str:
        """How a Result names it."""
        return f"{self.name}@{self.sha256[:12]}"

    def to_json(self) -> bytes:
        """The file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def folder() -> Path:
    """Where calibrations are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "verascope" / "calibrations"


def names() -> tuple[str, ...]:
    """The calibrations that are kept."""
    return tuple(sorted(file.stem for file in folder().glob("*.json") if NAME.fullmatch(file.stem)))


def path_of(name: str) -> Path:
    """The file of a name, whether it is there or not.

    Raises:
        UsageError: nothing can be called so.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"a calibration cannot be called {name!r}: lower-case letters, digits, - and _"
        )
    return folder() / f"{name}.json"


def load(name: str) -> Profile:
    """A calibration by its name.

    Raises:
        UsageError: there is none, or its file is damaged.
    """
    file = path_of(name)
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Profile)
    except FileNotFoundError:
        there = ", ".join(names()) or "none yet"
        raise UsageError(f"no calibration called {name!r}; there are: {there}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{file}: {error}; calibrate again") from error
    if found.name != name or len(found.operating_points) == 0:
        raise UsageError(f"{file} is the calibration {found.name!r}; calibrate again")
    return found


def use_of(detector: Detector) -> ModelUse:
    """The model that a detector is."""
    return ModelUse(
        detector=detector.name,
        version=detector.version,
        sha256=detector.sha256,
        encoder_sha256=getattr(detector, "encoder_sha256", None),
        modality=detector.modality,
    )


def fitting(wanted: tuple[str, ...], detectors: dict[str, Detector]) -> dict[str, Profile]:
    """The calibrations of these names, by the key of the detector that each is for.

    Raises:
        UsageError: one is not there, or is of a model that does not run here, or two are of one.
    """
    found: dict[str, Profile] = {}
    for profile in map(load, wanted):
        key = _key(profile, detectors)
        if key in found:
            raise UsageError(
                f"{found[key].name!r} and {profile.name!r} are both calibrations of "
                f"{profile.model.detector}: name one of them"
            )
        found[key] = profile
    return found


def _key(profile: Profile, detectors: dict[str, Detector]) -> str:
    """The detector that runs the very model of a calibration."""
    model = profile.model
    told = f"the calibration {profile.name!r} is of {model.detector}"
    uses = {key: use_of(detector) for key, detector in detectors.items()}
    named = {key: use for key, use in uses.items() if use.detector == model.detector}
    for key, use in named.items():
        if use == model:
            return key
    if not named:
        running = ", ".join(use.detector for use in uses.values())
        raise UsageError(f"{told}, which is not run here, but {running}: see --quality, --detector")
    here = next(iter(named.values()))
    raise UsageError(
        f"{told} {_version(model)}; here it is {_version(here)}, whose scores are others: "
        "calibrate again"
    )


def _version(model: ModelUse) -> str:
    on = f" on {model.encoder_sha256[:12]}" if model.encoder_sha256 else ""
    return f"{model.version} ({model.sha256[:12]}{on})"
