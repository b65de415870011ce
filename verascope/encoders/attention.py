"""Parts of a transformer (Vaswani et al. 2017), as nodes of a graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.encoders.sound_graph import Wires

Weights = NDArray[np.floating[Any]]


def linear(wires: Wires, rows: str, weight: Weights, bias: Weights) -> str:
    """Rows [n, time, in] times a weight [out, in], plus a bias [out]."""
    return wires("Add", wires("MatMul", rows, wires.weight(weight.T)), wires.weight(bias))


def layer_norm(wires: Wires, rows: str, gain: Weights, offset: Weights) -> str:
    """Each row to mean 0 and variance 1, then scaled."""
    return wires("LayerNormalization", rows, wires.weight(gain), wires.weight(offset), epsilon=1e-5)


def self_attention(
    wires: Wires, rows: str, inward: Sequence[Weights], outward: Sequence[Weights], heads: int
) -> str:
    """Rows [n, time, width] attending to each other.

    Args:
        wires: the graph.
        rows: names them.
        inward: weight [3 × width, width] and bias of queries, keys and values, in this order.
        outward: weight [width, width] and bias of what comes out.
        heads: how many parts of the width attend on their own.
    """
    width = len(outward[1]) // heads
    parts = wires("Reshape", linear(wires, rows, *inward), wires.whole(0, 0, 3, heads, width))
    parts = wires("Transpose", parts, perm=[2, 0, 3, 1, 4])
    query, key, value = (
        wires("Gather", parts, wires.tensor(np.array(k, np.int64)), axis=0) for k in range(3)
    )
    query = wires("Mul", query, wires.number(width**-0.5))
    nearness = wires("MatMul", query, wires("Transpose", key, perm=[0, 1, 3, 2]))
    mixed = wires("MatMul", wires("Softmax", nearness, axis=-1), value)
    joined = wires("Transpose", mixed, perm=[0, 2, 1, 3])
    return linear(wires, wires("Reshape", joined, wires.whole(0, 0, heads * width)), *outward)


def placed(wires: Wires, rows: str, places: Weights) -> str:
    """Rows [n, time, width] plus the first of the places' vectors, [longest, width]."""
    count = wires("Shape", rows, start=1, end=2)
    table = wires.weight(places[None])
    return wires("Add", rows, wires("Slice", table, wires.whole(0), count, wires.whole(1)))
