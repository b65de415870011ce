"""Evidence weighs what was measured, not what its point is called."""

from dataclasses import dataclass, field

import pytest

from verascope.detect import registry
from verascope.detect.evidence import evidence, strength
from verascope.result import DetectorScore, Evidence, Modality, OperatingPoint, Strength, Supports


@dataclass
class Fake:
    """Of a detector only what evidence looks at."""

    operating_points: tuple[OperatingPoint, ...]
    modality: Modality = field(default=Modality.IMAGE)


def point(
    found: tuple[float, float] | None, real: tuple[float, float] = (0.002, 0.02)
) -> OperatingPoint:
    return OperatingPoint(
        name="high_precision",
        threshold=0.8,
        false_positive_rate=0.00926,
        interval=real,
        true_positive_rate=None if found is None else sum(found) / 2,
        true_positive_interval=found,
    )


def judged(score: float, points: tuple[OperatingPoint, ...]) -> Evidence:
    given = DetectorScore(
        name="toy", version="1", sha256="0", logit=0, score=score, interval=(0, 1),
        operating_point=None,
    )  # fmt: skip
    return evidence(given, Fake(points))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((0.2, 0.4), Strength.STRONG),  # at least 10 times as likely
        ((0.199, 0.4), Strength.MODERATE),
        ((0.06, 0.5), Strength.MODERATE),  # at least 3 times
        ((0.059, 0.9), Strength.WEAK),
        ((0.0, 0.02), Strength.WEAK),
        (None, Strength.WEAK),  # unknown
    ],
)
def test_strength_is_the_conservative_likelihood_ratio(
    found: tuple[float, float] | None, expected: Strength
) -> None:
    assert strength(point(found)) is expected
    assert judged(0.9, (point(found),)).strength is expected


def test_a_rate_without_an_upper_end_gives_no_ratio() -> None:
    assert strength(point((0.5, 0.9), real=(0.0, 0.0))) is Strength.WEAK


def test_the_statement_names_both_rates_their_intervals_and_their_set() -> None:
    found = judged(0.8412, (point((0.025, 0.109), real=(0.0024, 0.0165)),))
    assert found.supports is Supports.SYNTHETIC
    assert found.statement == (
        "toy scores it 0.84; of real images from sources kept out of training 0.9 % (0.2 to 1.7) "
        "reach that point, of synthetic ones 6.7 % (2.5 to 10.9)."
    )
    assert found.details["operating_point"] == "high_precision"
    assert found.details["least_likelihood_ratio"] == pytest.approx(0.025 / 0.0165)


def test_an_unmeasured_rate_is_named_so() -> None:
    assert "was not measured" in judged(0.9, (point(None),)).statement


def test_below_every_point_nothing_is_claimed() -> None:
    found = judged(0.2, (point((0.5, 0.9)),))
    assert (found.supports, found.strength) == (Supports.NEUTRAL, Strength.WEAK)
    assert "does not show" in found.statement


@pytest.mark.parametrize("name", list(registry.BUILT_IN))
def test_shipped_models_know_both_rates_of_their_points(name: str) -> None:
    for each in registry.create(name).operating_points:
        assert each.true_positive_rate is not None
        assert each.true_positive_interval is not None
        low, high = each.true_positive_interval
        assert low <= each.true_positive_rate <= high
