"""The detectors that a service runs, as JSON: card, version, hash, thresholds."""

from typing import Any

import msgspec

from verascope.detect import registry
from verascope.detect.evidence import points_of
from verascope.detect.folder_detector import FolderDetector
from verascope.detect.model_folder import CARD
from verascope.detect.profile import Profile, fitting
from verascope.settings import Settings


def cards(settings: Settings) -> list[dict[str, Any]]:
    """Each detector in use, with what its users must know of it."""
    if settings.detectors:
        entries = {name: registry.resolve(name) for name in settings.detectors}
    else:
        entries = registry.wanted(settings.quality)
    detectors = {name: registry.build(name, entry) for name, entry in entries.items()}
    profiles = fitting(settings.calibrations, detectors)
    return [_card(detector, profiles.get(name)) for name, detector in detectors.items()]


def _card(detector: Any, profile: Profile | None) -> dict[str, Any]:
    found = {
        "name": detector.name,
        "version": detector.version,
        "sha256": detector.sha256,
        "modality": detector.modality,
        "prior": detector.prior,
        "operating_points": msgspec.to_builtins(points_of(detector, profile)),
        "calibration": profile.label if profile else None,
    }
    if isinstance(detector, FolderDetector):
        found["limits"] = list(detector.folder.description.limits)
        found["card"] = (detector.folder.path / CARD).read_text(encoding="utf-8")
    return found
