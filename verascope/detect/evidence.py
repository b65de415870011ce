"""What a detector's score says, in words that claim no more than was measured."""

from typing import Any

from verascope.detect.contract import Detector
from verascope.detect.profile import Profile
from verascope.result import DetectorScore, Evidence, OperatingPoint, Strength, Supports

# How many times likelier, at the least, a synthetic input reaches the point than a real one.
STRENGTHS = ((10.0, Strength.STRONG), (3.0, Strength.MODERATE))


def reached(score: float, points: tuple[OperatingPoint, ...]) -> OperatingPoint | None:
    """The strictest operating point that a calibrated score reaches."""
    held = [point for point in points if score >= point.threshold]
    return max(held, key=lambda point: point.threshold, default=None)


def points_of(detector: Detector, profile: Profile | None) -> tuple[OperatingPoint, ...]:
    """The thresholds in force: the user's own where there are any, else the model's."""
    return detector.operating_points if profile is None else profile.operating_points


def evidence(score: DetectorScore, detector: Detector, profile: Profile | None = None) -> Evidence:
    """A detector's score as evidence: for synthesis from an operating point on, else neutral."""
    point = reached(score.score, points_of(detector, profile))
    details: dict[str, Any] = {
        "detector": score.name,
        "score": score.score,
        "operating_point": None,
    }
    if profile is not None:
        details["calibration"] = profile.label
    if point is None:
        statement = (
            f"{score.name} found no trace of synthesis that it knows. This does not show that the "
            f"{detector.modality.noun} is real."
        )
        return Evidence(
            kind="detector",
            supports=Supports.NEUTRAL,
            strength=Strength.WEAK,
            statement=statement,
            details=details,
        )
    measured = {"operating_point": point.name, "least_likelihood_ratio": least_ratio(point)}
    return Evidence(
        kind="detector",
        supports=Supports.SYNTHETIC,
        strength=strength(point),
        statement=f"{score.name} scores it {score.score:.2f}; {_rates(point, detector, profile)}."
        + _hint(score)
        + _reasons(score),
        details=details | measured,
    )


def _hint(score: DetectorScore) -> str:
    """The nearest family, for what it is worth."""
    if score.nearest is None:
        return ""
    return (
        f" Its traces are nearest to those of the family {score.nearest.family}; such a hint was "
        f"right {_share(score.nearest.confidence, score.nearest.interval)} of the time."
    )


def _reasons(score: DetectorScore) -> str:
    """What weighed most, in words, for what it is worth."""
    if not score.reasons:
        return ""
    return f" What weighed most: {'; '.join(score.reasons)}. People write so too."


def strength(point: OperatingPoint) -> Strength:
    """How much reaching a point weighs, by its least likelihood ratio; weak where unknown."""
    ratio = least_ratio(point)
    if ratio is None:
        return Strength.WEAK
    return next((word for least, word in STRENGTHS if ratio >= least), Strength.WEAK)


def least_ratio(point: OperatingPoint) -> float | None:
    """The conservative likelihood ratio of a point; None where it was not measured.

    The low end of the share of synthetic inputs that reach it, over the high end of the share of
    real ones.
    """
    if point.true_positive_interval is None or point.interval[1] <= 0:
        return None
    return point.true_positive_interval[0] / point.interval[1]


def _rates(point: OperatingPoint, detector: Detector, profile: Profile | None) -> str:
    """Both rates of a point, with their intervals and what they were measured on."""
    real = _share(point.false_positive_rate, point.interval)
    found = f"of real {_measured_on(detector, profile)} {real} reach that point"
    if point.true_positive_rate is None or point.true_positive_interval is None:
        return f"{found}, how many synthetic ones do was not measured"
    made = _share(point.true_positive_rate, point.true_positive_interval)
    return f"{found}, of synthetic ones {made}"


def _measured_on(detector: Detector, profile: Profile | None) -> str:
    if profile is None:
        return f"{detector.modality.noun}s from sources kept out of training"
    count, sources = f"{profile.items:,}", len(profile.sources)
    folders = "one folder" if sources == 1 else f"{sources} folders"
    return f"files like the {count} of the calibration {profile.name} (from {folders})"


def _share(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
