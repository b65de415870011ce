"""What a detector's score says, in words that claim no more than was measured."""

from verascope.detect.contract import Detector
from verascope.result import DetectorScore, Evidence, OperatingPoint, Strength, Supports


def reached(score: float, points: tuple[OperatingPoint, ...]) -> OperatingPoint | None:
    """The strictest operating point that a calibrated score reaches."""
    held = [point for point in points if score >= point.threshold]
    return max(held, key=lambda point: point.threshold, default=None)


def evidence(score: DetectorScore, detector: Detector) -> Evidence:
    """A detector's score as evidence: for synthesis from an operating point on, else neutral."""
    point = reached(score.score, detector.operating_points)
    details = {"detector": score.name, "score": score.score, "operating_point": None}
    if point is None:
        statement = (
            f"{score.name} found no trace of synthesis that it knows. This does not show that the "
            f"{detector.modality} is real."
        )
        return Evidence(
            kind="detector",
            supports=Supports.NEUTRAL,
            strength=Strength.WEAK,
            statement=statement,
            details=details,
        )
    strict = point is max(detector.operating_points, key=lambda each: each.threshold)
    statement = (
        f"{score.name} found traces of synthesis: score {score.score:.2f}, which "
        f"{100 * point.false_positive_rate:g} % of real {detector.modality}s reach."
    )
    return Evidence(
        kind="detector",
        supports=Supports.SYNTHETIC,
        strength=Strength.STRONG if strict else Strength.WEAK,
        statement=statement,
        details={**details, "operating_point": point.name},
    )
