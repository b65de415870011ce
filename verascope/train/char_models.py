"""Counting the small language models that detect/char_models.py looks things up in."""

import numpy as np
from numpy.typing import NDArray

from verascope.detect.char_models import UNSEEN, Order
from verascope.detect.text_batch import Floats, Ints, TextBatch

ALPHABET = 5_000  # characters that an empty model holds for equally likely
WHOLE = 2  # n-grams up to this length are all kept


def count(
    batch: TextBatch, writer: Ints, models: int, *, length: int, fewest: int, weights: Floats
) -> tuple[Order, ...]:
    """Models of n-grams up to `length`, one for each writer (Witten and Bell 1991).

    Args:
        batch: the texts.
        writer: int64 [n], which model each text belongs to; −1 for none.
        models: how many there are.
        length: of the longest n-grams.
        fewest: longer n-grams than WHOLE that occur less often are left out.
        weights: of each text, float64 [n].
    """
    whose = writer[batch.owner]
    orders: list[Order] = []
    frequent: list[NDArray[np.bool_]] = []
    chance: Floats = np.full((1, models), 1 / ALPHABET)
    places = np.zeros(len(batch.points), np.int64)  # of the n-gram that ends at each character
    for n in range(1, length + 1):
        at = np.flatnonzero((batch.place >= n - 1) & (whose >= 0))
        hashes = (batch.grams(n)[at] >> np.uint64(32)).astype(np.uint32)
        keys, first, which, times = np.unique(
            hashes, return_index=True, return_inverse=True, return_counts=True
        )
        counts = np.zeros((len(keys), models))
        np.add.at(counts, (which, whose[at]), weights[batch.owner[at]])
        example = at[first]
        context = places[example - 1] if orders else np.zeros(len(keys), np.int64)
        total, kinds = (_summed(context, each, len(chance)) for each in (counts, counts > 0))
        left = np.divide(kinds, total + kinds, out=np.ones_like(total), where=total > 0)
        if orders:
            orders[-1] = orders[-1]._replace(left=np.log(left).astype(np.float16))
        sure = (total + kinds)[context]
        seen = np.divide(counts, sure, out=np.zeros_like(counts), where=sure > 0)
        chance = seen + left[context] * chance[places[example]]
        logs = np.maximum(np.log(chance), UNSEEN).astype(np.float16)
        orders.append(Order(keys, logs, np.zeros_like(logs)))
        frequent.append(times >= (fewest if n > WHOLE else 1))
        places[at] = which
    return tuple(
        Order(order.keys[kept], order.seen[kept], order.left[kept])
        for order, kept in zip(orders, frequent, strict=True)
    )


def _summed(group: Ints, values: NDArray[np.generic], groups: int) -> Floats:
    """Sums of values [n, models] by group, float64 [groups, models]."""
    columns = [np.bincount(group, column, groups) for column in np.asarray(values, float).T]
    return np.stack(columns, 1)
