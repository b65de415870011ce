"""Logit to calibrated probability (Platt 1999), with the interval that its few sources leave."""

import math

from msgspec import Struct

from verascope.detect.contract import Estimate


class Calibration(Struct, frozen=True, kw_only=True):
    """A logistic map from pooled logit to probability, fitted on sources kept out of training.

    Attributes:
        slope, intercept: p = sigmoid(slope · logit + intercept).
        resamples: (slope, intercept) of fits on bootstrap resamples of the sources; their spread
            at a logit is the score's interval.
        prior: the share of synthetic items that the fit was weighted to.
    """

    slope: float
    intercept: float
    resamples: tuple[tuple[float, float], ...]
    prior: float

    def __call__(self, logit: float) -> Estimate:
        """The probability at a logit with its 95 % interval."""
        score = sigmoid(self.slope * logit + self.intercept)
        spread = sorted(sigmoid(a * logit + b) for a, b in self.resamples)
        if not spread:
            return Estimate(score, (score, score))
        low, high = (spread[round(q * (len(spread) - 1))] for q in (0.025, 0.975))
        return Estimate(score, (min(low, score), max(high, score)))

    def logit_at(self, score: float) -> float:
        """The logit at which a score is reached."""
        bounded = min(max(score, 1e-12), 1 - 1e-12)
        return (math.log(bounded / (1 - bounded)) - self.intercept) / self.slope


def sigmoid(x: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else (e := math.exp(x)) / (1 + e)
