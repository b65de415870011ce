"""Logits of sources that no model had seen to calibration and operating points.

Platt scaling (Platt 1999): one logistic map, fitted with both classes weighted to the prior and
each source to the square root of its size. Its uncertainty is that of few sources: it is fitted
again on resampled sources. Thresholds come from the real sources alone.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from verascope.detect.calibration import Calibration
from verascope.result import OperatingPoint
from verascope.train.evaluate import Floats, cluster_weights, rate

PRIOR = 0.5
RESAMPLES = 50
POINTS = (("high_precision", 0.01), ("high_recall", 0.10))
# A model that ranks the wrong way round is not turned over: it gets a flat calibration.
LEAST_SLOPE = 1e-3


def calibration(
    synthetic: NDArray[np.bool_], logits: Floats, sources: Sequence[str], seed: int = 0
) -> Calibration:
    """Fit the map from out-of-fold pooled logits, and again on resampled sources."""
    sizes = Counter(sources)
    weights = np.array([sizes[source] ** -0.5 for source in sources])
    drawn = cluster_weights(synthetic, sources, RESAMPLES, seed)
    slope, intercept = platt(synthetic, logits, weights)
    resamples = tuple(platt(synthetic, logits, weights * times) for times in drawn)
    return Calibration(slope=slope, intercept=intercept, resamples=resamples, prior=PRIOR)


def platt(synthetic: NDArray[np.bool_], logits: Floats, weights: Floats) -> tuple[float, float]:
    """Slope and intercept of p = sigmoid(slope · logit + intercept), classes weighted to PRIOR."""
    share = np.where(synthetic, PRIOR, 1 - PRIOR)
    total = np.where(synthetic, weights[synthetic].sum(), weights[~synthetic].sum())
    model = LogisticRegression(C=1e6)
    model.fit(logits[:, None], synthetic, weights * share / total * len(logits))
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return (slope, intercept) if slope >= LEAST_SLOPE else (LEAST_SLOPE, 0.0)


class SourceCap(NamedTuple):
    """How often any one real source may reach a point, so that an average hides none.

    Attributes:
        times: the point's own rate.
        counted: real items that a source must have for its rate to count.
    """

    times: float
    counted: int


def operating_points(
    fitted: Calibration,
    synthetic: NDArray[np.bool_],
    logits: Floats,
    sources: Sequence[str],
    cap: SourceCap | None = None,
) -> tuple[OperatingPoint, ...]:
    """Thresholds that hold each false positive rate on real items, and what they find.

    Args:
        fitted: the calibration.
        synthetic: bool [n], which items are synthetic; thresholds are set by the others alone.
        logits: pooled logits [n] by models that never saw the items' sources.
        sources: of each item.
        cap: holds for each source besides; None: for all together alone.
    """
    scores = np.array([fitted(logit).score for logit in logits])
    points = []
    for name, allowed in POINTS:
        real, owners = scores[~synthetic], np.array(sources)[~synthetic]
        parts = [(real, allowed)]
        if cap is not None:
            apart = [real[owners == source] for source in np.unique(owners)]
            parts += [(part, cap.times * allowed) for part in apart if len(part) >= cap.counted]
        threshold = max(threshold_at(*part) for part in parts)
        false, true = (
            rate(scores[chosen] >= threshold, np.array(sources)[chosen].tolist())
            for chosen in (~synthetic, synthetic)
        )
        points.append(
            OperatingPoint(
                name=name,
                threshold=threshold,
                false_positive_rate=false.value,
                interval=false.interval,
                true_positive_rate=true.value,
                true_positive_interval=true.interval,
            )
        )
    return tuple(points)


def threshold_at(real_scores: Floats, allowed: float) -> float:
    """The lowest threshold that at most the allowed share of real scores reaches."""
    ranked = np.sort(real_scores)[::-1]
    flagged = int(np.floor(allowed * len(ranked) + 1e-9))
    if flagged >= len(ranked):
        return float(ranked[-1])
    while flagged and ranked[flagged - 1] == ranked[flagged]:
        flagged -= 1
    above = ranked[flagged - 1] if flagged else 1.0
    return float((above + ranked[flagged]) / 2)
