"""Thresholds hold what they say: on the items that set them, and on further ones of their kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verascope.detect.conformal import LEAST_ITEMS, POINTS, left_out, operating_points, threshold_at

# Many ties, both ends, and numbers that are next to each other.
SCORE = st.sampled_from([0.0, 1e-9, 0.25, 0.5, np.nextafter(0.5, 1), 1.0]) | st.floats(0, 1)
SCORES = st.lists(SCORE, min_size=LEAST_ITEMS, max_size=400).map(np.array)
SHARE = st.sampled_from([share for _, share in POINTS]) | st.floats(0.01, 0.9)


@given(scores=SCORES, allowed=SHARE)
def test_never_more_than_the_allowed_share_reaches_it(scores: np.ndarray, allowed: float) -> None:
    flagged = int((scores >= threshold_at(scores, allowed)).sum())
    assert (flagged + 1) / (len(scores) + 1) <= allowed + 1e-9


@given(scores=SCORES, allowed=SHARE)
def test_no_lower_threshold_would_do(scores: np.ndarray, allowed: float) -> None:
    below = np.nextafter(threshold_at(scores, allowed), -np.inf)
    flagged = int((scores >= below).sum())
    assert (flagged + 1) / (len(scores) + 1) > allowed - 1e-9


@given(scores=SCORES)
def test_the_strict_point_is_never_below_the_other(scores: np.ndarray) -> None:
    precise, recall = operating_points(scores, ["one"] * len(scores))
    assert precise.threshold >= recall.threshold
    for point, (name, allowed) in zip((precise, recall), POINTS, strict=True):
        assert point.name == name
        assert point.interval[0] <= point.false_positive_rate <= point.interval[1]
        assert point.false_positive_rate <= allowed + 1e-9
        assert point.true_positive_rate is None


@pytest.mark.parametrize("items", [LEAST_ITEMS, 150, 1000])
@pytest.mark.parametrize(("name", "allowed"), POINTS)
def test_further_items_of_their_kind_reach_it_as_rarely(
    items: int, name: str, allowed: float
) -> None:
    """The conformal promise, over many sets: on average no more than allowed, and no fewer."""
    chance = np.random.default_rng(7)
    rates = [1 - threshold_at(chance.random(items), allowed) for _ in range(4000)]
    expected = int((items + 1) * allowed + 1e-9) / (items + 1)
    error = np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) == pytest.approx(expected, abs=5 * error)
    assert expected <= allowed


def test_the_interval_covers_the_true_rate_19_times_in_20() -> None:
    chance = np.random.default_rng(3)
    covered = []
    for _ in range(400):
        point = operating_points(chance.random(300), ["one"] * 300)[1]
        low, high = point.interval
        covered.append(low <= 1 - point.threshold <= high)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_too_few_items_give_no_threshold() -> None:
    threshold_at(np.linspace(0, 1, 99), 0.01)  # exactly enough
    with pytest.raises(ValueError, match="98 items give no threshold"):
        threshold_at(np.linspace(0, 1, 98), 0.01)


@settings(max_examples=40)
@given(
    scores=SCORES,
    seed=st.integers(0, 99),
    count=st.integers(2, 6),
    allowed=st.sampled_from([0.01, 0.1]),
)
def test_leaving_a_source_out_is_what_it_says(
    scores: np.ndarray, seed: int, count: int, allowed: float
) -> None:
    sources = np.random.default_rng(seed).integers(0, count, len(scores)).astype(str)
    found = left_out(scores, sources.tolist(), allowed)
    assert set(found) == set(sources)
    for source, share in found.items():
        own = sources == source
        try:
            threshold = threshold_at(scores[~own], allowed)
        except ValueError:
            assert share is None
        else:
            assert share == pytest.approx(float((scores[own] >= threshold).mean()))


def test_sources_that_differ_widen_the_interval() -> None:
    chance = np.random.default_rng(1)
    sources = [str(i // 100) for i in range(600)]
    alike = chance.random(600)
    shifted = alike * 0.5
    shifted[:100] += 0.5  # one source scores higher than all others
    for low, high in zip(
        operating_points(alike, sources), operating_points(shifted, sources), strict=True
    ):
        assert high.interval[1] > 2 * low.interval[1]
    assert left_out(shifted, sources, 0.01)["0"] == 1.0
