import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from verascope.detect.calibration import Calibration
from verascope.train import calibrate, evaluate


def sample(
    seed: int, size: int = 200, ties: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    synthetic = rng.random(size) < 0.4
    synthetic[:2] = [True, False]
    scores = rng.normal(size=size) + synthetic
    return synthetic, np.round(scores, 1) if ties else scores, rng.integers(0, 4, size) + 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_auroc_is_that_of_scikit_learn(seed: int, ties: bool) -> None:
    synthetic, scores, weights = sample(seed, ties=ties)
    weights[:2] = 1
    assert evaluate.auroc(synthetic, scores) == pytest.approx(roc_auc_score(synthetic, scores))
    assert evaluate.auroc(synthetic, scores, weights) == pytest.approx(
        roc_auc_score(synthetic, scores, sample_weight=weights)
    )


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("ties", [True, False])
def test_tpr_is_that_of_scikit_learns_curve(rate: float, ties: bool) -> None:
    synthetic, scores, _ = sample(7, ties=ties)
    false, true, _ = roc_curve(synthetic, scores, drop_intermediate=False)
    assert evaluate.tpr_at(rate)(synthetic, scores, np.ones(200)) == true[false <= rate].max()


def test_eer_lies_where_both_errors_meet() -> None:
    synthetic, scores, _ = sample(3, 4000)
    false, true, _ = roc_curve(synthetic, scores)
    meet = np.argmin(np.abs(false - (1 - true)))
    assert evaluate.eer(synthetic, scores) == pytest.approx(false[meet], abs=2e-3)
    assert evaluate.eer(synthetic, synthetic * 1.0) == 0


def test_the_interval_over_sources_is_wider_than_over_items() -> None:
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(20), 30)
    synthetic = source % 2 == 0
    scores = rng.normal(size=600) + synthetic + rng.normal(size=20)[source]
    by_source, by_item = (
        evaluate.figure(evaluate.auroc, synthetic, scores, [str(c) for c in clusters])
        for clusters in (source, np.arange(600))
    )
    assert by_source.value == by_item.value
    low, high = by_source.interval
    assert low < by_source.value < high
    assert high - low > 2 * (by_item.interval[1] - by_item.interval[0])
    assert (by_source.clusters, by_source.real, by_source.synthetic) == ((10, 10), 300, 300)


def test_pairs_count_wins_and_half_of_ties() -> None:
    synthetic = np.array([True, False, True, False, True])
    scores = np.array([2.0, 1.0, 5.0, 5.0, 9.0])
    assert evaluate.paired(synthetic, scores, ["a", "a", "b", "b", ""]).tolist() == [1.0, 0.5]


def test_standardising_takes_the_folds_offsets_away() -> None:
    folds = np.array([0, 0, 1, 1])
    found = evaluate.standardised(np.array([0.0, 1.0, 10.0, 12.0]), folds)
    assert found.tolist() == [-1, 1, -1, 1]


def test_calibration_finds_the_logistic_map() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=6000) * 2
    synthetic = rng.random(6000) < 1 / (1 + np.exp(-(1.5 * logits)))
    sources = [f"s{n}" for n in rng.integers(0, 30, 6000)]
    fitted = calibrate.calibration(synthetic, logits, sources)
    assert fitted.slope == pytest.approx(1.5, abs=0.2)
    assert fitted.intercept == pytest.approx(0, abs=0.15)
    low, high = fitted(1.0).interval
    assert low < fitted(1.0).score < high


def test_a_model_that_ranks_the_wrong_way_is_not_turned_over() -> None:
    synthetic, scores, _ = sample(1)
    assert calibrate.platt(synthetic, -3 * scores, np.ones(200)) == (calibrate.LEAST_SLOPE, 0.0)


@pytest.mark.parametrize("ties", [True, False])
def test_thresholds_hold_their_false_positive_rate(ties: bool) -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=500)
    logits = np.round(logits) if ties else logits
    logits = np.append(logits, logits + 2)  # the second half is synthetic
    synthetic = np.arange(1000) >= 500
    fitted = Calibration(slope=1, intercept=0, resamples=(), prior=0.5)
    sources = [f"s{n}" for n in rng.integers(0, 9, 1000)]
    precise, broad = calibrate.operating_points(fitted, synthetic, logits, sources)
    for point in (precise, broad):
        assert point.true_positive_rate is not None
        assert point.true_positive_interval is not None
        low, high = point.true_positive_interval
        assert point.false_positive_rate < low <= point.true_positive_rate <= high
    assert precise.false_positive_rate <= 0.01 < broad.false_positive_rate <= 0.1 or ties
    assert precise.threshold > broad.threshold
    assert broad.false_positive_rate <= 0.1
    if not ties:
        assert precise.false_positive_rate == pytest.approx(0.01)


def test_the_difference_to_another_score_is_taken_on_the_same_resamples() -> None:
    synthetic, scores, _ = sample(5)
    clusters = [str(n % 10) for n in range(200)]
    same = evaluate.difference(synthetic, scores, scores, clusters)
    assert (same.value, same.interval) == (0, (0, 0))
    gain = evaluate.difference(synthetic, scores, np.zeros(200), clusters)
    assert gain.value == pytest.approx(evaluate.auroc(synthetic, scores) - 0.5)


def test_no_flag_among_few_pictures_is_not_certainty() -> None:
    found = evaluate.rate(np.zeros(24, bool), ["s"] * 24)
    assert found.value == found.interval[0] == 0
    assert found.interval[1] == pytest.approx(0.138, abs=1e-3)  # Wilson's for 0 of 24


@pytest.mark.parametrize("single", [True, False])
def test_the_items_of_a_class_with_one_source_are_resampled(single: bool) -> None:
    """Else that class never varies, and its share of the uncertainty is left out."""
    synthetic = np.arange(60) < 20
    clusters = ["only" if made == single else f"s{n % 8}" for n, made in enumerate(synthetic)]
    drawn = evaluate.cluster_weights(synthetic, clusters, 50, seed=0)
    of_single = synthetic if single else ~synthetic
    assert len({tuple(weights[of_single]) for weights in drawn}) == 50
    assert all(weights[of_single].sum() == of_single.sum() for weights in drawn)
    found = evaluate.figure(evaluate.auroc, synthetic, np.arange(60.0), clusters)
    assert found.clusters == ((1, 8) if single else (8, 1))


def test_the_brier_score_and_calibration_error_weigh_both_classes_alike() -> None:
    synthetic = np.array([True] * 10 + [False] * 90)
    half = np.full(100, 0.5)
    assert evaluate.brier(synthetic, half) == pytest.approx(0.25)
    assert evaluate.calibration_error(synthetic, half) == pytest.approx(0)
    sure = synthetic * 1.0
    assert (evaluate.brier(synthetic, sure), evaluate.calibration_error(synthetic, sure)) == (0, 0)
    assert evaluate.brier(synthetic, 1 - sure) == pytest.approx(1)
    assert evaluate.calibration_error(synthetic, np.full(100, 0.9)) == pytest.approx(0.4)
