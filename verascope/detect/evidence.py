"""What a detector's score says, in words that claim no more than was measured."""

from verascope.detect.contract import Detector
from verascope.result import DetectorScore, Evidence, OperatingPoint, Strength, Supports

# How many times likelier, at the least, a synthetic input reaches the point than a real one.
STRENGTHS = ((10.0, Strength.STRONG), (3.0, Strength.MODERATE))


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
    measured = {"operating_point": point.name, "least_likelihood_ratio": least_ratio(point)}
    return Evidence(
        kind="detector",
        supports=Supports.SYNTHETIC,
        strength=strength(point),
        statement=f"{score.name} scores it {score.score:.2f}; {_rates(point, detector)}."
        + _hint(score),
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


def _rates(point: OperatingPoint, detector: Detector) -> str:
    """Both rates of a point, with their intervals and what they were measured on."""
    real = _share(point.false_positive_rate, point.interval)
    found = (
        f"of real {detector.modality}s from sources kept out of training {real} reach that point"
    )
    if point.true_positive_rate is None or point.true_positive_interval is None:
        return f"{found}, how many synthetic ones do was not measured"
    made = _share(point.true_positive_rate, point.true_positive_interval)
    return f"{found}, of synthetic ones {made}"


def _share(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
