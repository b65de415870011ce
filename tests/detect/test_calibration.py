import math

import pytest

from verascope.detect.calibration import Calibration, sigmoid


def test_the_interval_holds_the_score_and_comes_from_the_resamples() -> None:
    resamples = tuple((1.0, offset / 100) for offset in range(-50, 51))
    estimate = Calibration(slope=1, intercept=0, resamples=resamples, prior=0.5)(0.0)
    assert estimate.score == 0.5
    assert estimate.interval == pytest.approx((sigmoid(-0.475), sigmoid(0.475)), abs=2e-3)


def test_without_resamples_the_interval_is_the_score() -> None:
    estimate = Calibration(slope=2, intercept=1, resamples=(), prior=0.5)(0.3)
    assert estimate.interval == (estimate.score, estimate.score)


@pytest.mark.parametrize("x", [-1000.0, -1.0, 0.0, 1.0, 1000.0])
def test_the_logistic_function_does_not_overflow(x: float) -> None:
    assert 0 <= sigmoid(x) <= 1
    assert math.isclose(sigmoid(x) + sigmoid(-x), 1)
