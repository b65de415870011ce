"""Thresholds from real items alone that hold a false positive rate, also where items are few.

Split conformal prediction (Vovk, Gammerman & Shafer 2005; Angelopoulos & Bates 2021): of n real
items and one more of their kind, any rank of the last one is as likely as another. So at most a
share a of such items lie above the ceil((n + 1)(1 - a))-th smallest of the n scores. For fewer than
1 / a - 1 items there is no such score, and so no threshold.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from verascope.result import OperatingPoint

Floats: TypeAlias = NDArray[np.float64]
POINTS = (("high_precision", 0.01), ("high_recall", 0.10))  # names, and the share of real items
LEAST_ITEMS = 100  # the fewest that give the 1 % point, with one to spare
FEW_ITEMS = 1000  # below it the 1 % point rests on fewer than ten items
DRAWS = 20_000
RESAMPLES = 1000
OUTER = (0.025, 0.975)  # ends of a 95 % interval


def threshold_at(scores: Floats, allowed: float) -> float:
    """The lowest threshold that at most the allowed share of further real items reaches.

    Args:
        scores: of real items, float [n], in any order.
        allowed: the share, above 0 and below 1.

    Returns:
        The next number above the score of the conformal rank; above 1 where real items reach 1.

    Raises:
        ValueError: there are too few items for so small a share.
    """
    above = _above(len(scores), allowed)
    if above < 0:
        raise ValueError(f"{len(scores)} items give no threshold for a share of {allowed:g}")
    return float(np.nextafter(np.sort(scores)[::-1][above], np.inf))


def operating_points(scores: Floats, sources: Sequence[str]) -> tuple[OperatingPoint, ...]:
    """A threshold for each of POINTS, with the rate that is to be expected there.

    The rate is (1 + items at or above the threshold) / (n + 1), as for a conformal p-value. Its
    interval covers two kinds of chance: which items of these sources were at hand (the rate is
    Beta distributed; Vovk 2012), and which sources were (see `left_out`; a bootstrap over sources).

    Args:
        scores: of real items, float [n].
        sources: of each item.

    Raises:
        ValueError: there are too few items.
    """
    return tuple(_point(name, allowed, scores, sources) for name, allowed in POINTS)


def left_out(scores: Floats, sources: Sequence[str], allowed: float) -> dict[str, float | None]:
    """For each source, the share of its items at or above the threshold that the others set.

    None where the others are too few to set one.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    names, of = np.unique(np.asarray(sources)[order], return_inverse=True)
    ranks = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
    shares: dict[str, float | None] = {}
    for name, own in zip(names.tolist(), ranks, strict=True):
        above = _above(len(scores) - len(own), allowed)
        passed = None if above < 0 else ranked[own] > ranked[_without(own, above)]
        shares[name] = None if passed is None else float(passed.mean())
    return shares


def _above(items: int, allowed: float) -> int:
    """How many of so many real items may lie above the conformal rank; -1 where there is none."""
    return int(np.floor((items + 1) * allowed + 1e-9)) - 1


def _without(own: NDArray[np.intp], place: int) -> int:
    """The rank of the item at a place, counted from the top without the items at these ranks."""
    for rank in own:
        if rank > place:
            break
        place += 1
    return place


def _point(name: str, allowed: float, scores: Floats, sources: Sequence[str]) -> OperatingPoint:
    threshold, items = threshold_at(scores, allowed), len(scores)
    flagged = int((scores >= threshold).sum())
    chance = np.random.default_rng(0).beta(flagged + 1, items - flagged, DRAWS)
    ends = np.quantile(chance, OUTER)
    ends = np.append(ends, _between(left_out(scores, sources, allowed), sources))
    return OperatingPoint(
        name=name,
        threshold=threshold,
        false_positive_rate=(flagged + 1) / (items + 1),
        interval=(float(ends.min()), float(ends.max())),
    )


def _between(shares: dict[str, float | None], sources: Sequence[str]) -> Floats:
    """The interval of the share of a left-out source's items, over resampled sources.

    Empty where fewer than two sources could be left out.
    """
    names, counts = np.unique(np.asarray(sources), return_counts=True)
    known = np.array([shares[name] is not None for name in names.tolist()])
    if known.sum() < 2:
        return np.empty(0)
    rates = np.array([shares[name] for name in names[known].tolist()], float)
    items, chance = counts[known], np.random.default_rng(0)
    drawn = (chance.integers(0, len(rates), len(rates)) for _ in range(RESAMPLES))
    ends: Floats = np.quantile([np.average(rates[d], weights=items[d]) for d in drawn], OUTER)
    return ends
