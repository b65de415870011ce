"""Figures of merit with 95 % bootstrap intervals over clusters; benchmarks import this too.

Items of one source resemble each other, so intervals resample whole sources (or pairs), not items:
with few sources the item bootstrap is several times too narrow. A class that has one source alone
leaves nothing to resample: its items are, and how sources differ is not in that interval.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Metric: TypeAlias = Callable[[NDArray[np.bool_], Floats, Floats], float]
RESAMPLES = 1000
FEWEST_INSIDE = 2  # items of each class, for an AUROC inside a source
TENTHS = 10  # bins of a score, for its calibration error


class Figure(Struct, frozen=True, kw_only=True):
    """A measured value with its 95 % interval, and the items and sources that it rests on.

    Attributes:
        synthetic, real: items of each class.
        clusters: (synthetic, real) sources or pairs; where it is 1, that class's items were
            resampled, since one source cannot be.
    """

    value: float
    interval: tuple[float, float]
    synthetic: int
    real: int
    clusters: tuple[int, int]


def auroc(synthetic: NDArray[np.bool_], scores: Floats, weights: Floats | None = None) -> float:
    """The chance that a synthetic item scores above a real one, ties counted half."""
    false, true = roc(synthetic, scores, weights)
    return float(np.trapezoid(true, false))


def eer(synthetic: NDArray[np.bool_], scores: Floats, weights: Floats | None = None) -> float:
    """The error rate where as many real items are flagged as synthetic ones are missed."""
    false, true = roc(synthetic, scores, weights)
    gap = false - (1 - true)
    right = int(np.argmax(gap >= 0))
    left = max(0, right - 1)
    part = 0.0 if gap[right] == gap[left] else -gap[left] / (gap[right] - gap[left])
    return float(false[left] + part * (false[right] - false[left]))


def tpr_at(rate: float) -> Metric:
    """The metric: share of synthetic items found where at most `rate` of the real are flagged."""

    def metric(
        synthetic: NDArray[np.bool_], scores: Floats, weights: Floats | None = None
    ) -> float:
        false, true = roc(synthetic, scores, weights)
        return float(true[false <= rate + 1e-12].max())

    return metric


def roc(
    synthetic: NDArray[np.bool_], scores: Floats, weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """False and true positive rates at every threshold, from (0, 0) to (1, 1)."""
    weights = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    synthetic, scores, weights = synthetic[order], scores[order], weights[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of each run of ties
    true = np.cumsum(weights * synthetic)[last]
    false = np.cumsum(weights * ~synthetic)[last]
    return np.append(0, false / false[-1]), np.append(0, true / true[-1])


def paired(synthetic: NDArray[np.bool_], scores: Floats, pairs: Sequence[str]) -> Floats:
    """For each real and synthetic of one content: 1 where the synthetic scores higher, ½ if tied.

    Items without a pair, or whose pair lacks a class, are left out.
    """
    members: dict[str, tuple[list[float], list[float]]] = {}
    for made, score, pair in zip(synthetic, scores, pairs, strict=True):
        if pair:
            members.setdefault(pair, ([], []))[int(made)].append(float(score))
    return np.array(
        [
            float(fake > true) + 0.5 * float(fake == true)
            for trues, fakes in members.values()
            for true in trues
            for fake in fakes
        ]
    )


def within_sources(
    synthetic: NDArray[np.bool_], scores: Floats, sources: Sequence[str]
) -> dict[str, float]:
    """AUROC inside each source that has two items of each class at least, by source."""
    names = np.array(sources)
    found = {}
    for name in np.unique(names):
        made, inside = synthetic[names == name], scores[names == name]
        if min(made.sum(), (~made).sum()) >= FEWEST_INSIDE:
            found[str(name)] = auroc(made, inside)
    return found


def figure(
    metric: Metric,
    synthetic: NDArray[np.bool_],
    scores: Floats,
    clusters: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figure:
    """A metric with its interval.

    Args:
        metric: of (synthetic, scores, weights).
        synthetic: bool [n], which items are synthetic.
        scores: float [n], higher is more synthetic.
        clusters: [n], the source (or pair) of each item; whole clusters are resampled, within each
            class, so that both stay present; the items of a class that has one cluster alone.
        resamples: how many.
        seed: of the resampling.
    """
    ones = np.ones(len(scores))
    draws = [
        metric(synthetic, scores, weights)
        for weights in cluster_weights(synthetic, clusters, resamples, seed)
    ]
    low, high = np.quantile(draws, (0.025, 0.975))
    return Figure(
        value=metric(synthetic, scores, ones),
        interval=(float(low), float(high)),
        synthetic=int(synthetic.sum()),
        real=int((~synthetic).sum()),
        clusters=(count_of(clusters, synthetic), count_of(clusters, ~synthetic)),
    )


def count_of(clusters: Sequence[str], chosen: NDArray[np.bool_]) -> int:
    """How many clusters the chosen items are of."""
    return len({cluster for cluster, kept in zip(clusters, chosen, strict=True) if kept})


def cluster_weights(
    synthetic: NDArray[np.bool_], clusters: Sequence[str], resamples: int, seed: int
) -> list[Floats]:
    """How often each item is drawn when whole clusters are resampled within each class.

    Of a class that has one cluster alone, the items are resampled.
    """
    rng = np.random.default_rng(seed)
    single = [count_of(clusters, synthetic == made) == 1 for made in (False, True)]
    names = np.array(
        [
            f"{int(made)}:{index if single[int(made)] else cluster}"
            for index, (made, cluster) in enumerate(zip(synthetic, clusters, strict=True))
        ]
    )
    unique, index = np.unique(names, return_inverse=True)
    of_class = [np.flatnonzero([n.startswith(f"{made}:") for n in unique]) for made in (0, 1)]
    weights = []
    for _ in range(resamples):
        count = np.zeros(len(unique))
        for members in of_class:
            if len(members):
                np.add.at(count, rng.choice(members, len(members)), 1)
        weights.append(count[index])
    return weights


def difference(
    synthetic: NDArray[np.bool_], scores: Floats, others: Floats, clusters: Sequence[str]
) -> Figure:
    """AUROC of scores minus AUROC of other scores of the same items, on the same resamples."""
    places = np.arange(len(scores), dtype=float)

    def metric(made: NDArray[np.bool_], _: Floats, weights: Floats) -> float:
        return auroc(made, scores, weights) - auroc(made, others, weights)

    return figure(metric, synthetic, places, clusters)


def rate(flagged: NDArray[np.bool_], clusters: Sequence[str], *, seed: int = 0) -> Figure:
    """The share of (real) items flagged, with its interval over clusters.

    The interval is at least as wide as Wilson's for independent items (Wilson 1927): none of few
    pictures flagged does not mean that none ever is, though every resample says so.
    """
    real = np.zeros(len(flagged), bool)
    share: Metric = lambda _, hits, weights: float(np.average(hits, weights=weights))  # noqa: E731
    found = figure(share, real, flagged.astype(float), clusters, seed=seed)
    low, high = wilson(int(flagged.sum()), len(flagged))
    wider = (min(found.interval[0], low), max(found.interval[1], high))
    return msgspec.structs.replace(found, interval=wider)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent trials."""
    z = 1.959964
    share = hits / trials
    middle = share + z * z / (2 * trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))


def mean_of(values: Floats, *, resamples: int = RESAMPLES, seed: int = 0) -> Figure:
    """A mean over pairs (or sources) with its bootstrap interval; each counts on either side."""
    rng = np.random.default_rng(seed)
    draws = rng.choice(values, (resamples, len(values))).mean(1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Figure(
        value=float(values.mean()),
        interval=(float(low), float(high)),
        synthetic=len(values),
        real=len(values),
        clusters=(len(values), len(values)),
    )


def summary(
    synthetic: NDArray[np.bool_], scores: Floats, clusters: Sequence[str]
) -> dict[str, Figure]:
    """The headline figures: AUROC, EER, TPR at 1 % and at 5 % false positives."""
    metrics: dict[str, Metric] = {
        "auroc": auroc,
        "eer": eer,
        "tpr_at_1": tpr_at(0.01),
        "tpr_at_5": tpr_at(0.05),
    }
    return {name: figure(metric, synthetic, scores, clusters) for name, metric in metrics.items()}


def brier(synthetic: NDArray[np.bool_], scores: Floats, weights: Floats | None = None) -> float:
    """Mean squared distance of probabilities from the truth, both classes weighted alike.

    A constant ½ has 0.25 (Brier 1950).
    """
    weights = _balanced(synthetic, weights)
    return float(np.average((scores - synthetic) ** 2, weights=weights))


def calibration_error(
    synthetic: NDArray[np.bool_], scores: Floats, weights: Floats | None = None
) -> float:
    """Expected calibration error over tenths of the score, both classes weighted alike.

    The mean distance between a probability and the share that is synthetic where it was given
    (Naeini et al. 2015). Never below 0, so noise of few items alone makes some.
    """
    weights = _balanced(synthetic, weights)
    tenth = np.minimum((scores * TENTHS).astype(int), TENTHS - 1)
    gaps = np.bincount(tenth, weights * (scores - synthetic), TENTHS)
    return float(np.abs(gaps).sum() / weights.sum())


def _balanced(synthetic: NDArray[np.bool_], weights: Floats | None) -> Floats:
    """Weights under which both classes have the same sum."""
    weights = np.ones(len(synthetic)) if weights is None else weights
    sums = np.where(synthetic, weights[synthetic].sum(), weights[~synthetic].sum())
    balanced: Floats = weights / sums
    return balanced


def standardised(scores: Floats, folds: NDArray[np.int64]) -> Floats:
    """Scores made comparable between fold models: zero mean and unit deviation in each fold."""
    result = np.empty_like(scores)
    for fold in np.unique(folds):
        chosen = folds == fold
        deviation = scores[chosen].std() or 1.0
        result[chosen] = (scores[chosen] - scores[chosen].mean()) / deviation
    return result
