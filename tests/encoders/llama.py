"""What SmolLM2 must give, written by the paper in numpy: no graph, and rotary pairs side by side.

A GGUF keeps the two numbers of a rotary pair beside each other, and so they are turned here, as
llama.cpp turns them; the graph takes them apart first. Two ways, one answer.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

HEADS, KEYS, SIDE = 9, 3, 64
WEIGHTS = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)
Wide = NDArray[np.float64]


def states(tensors: Mapping[str, NDArray[np.float32]], tokens: NDArray[np.int64]) -> Iterator[Wide]:
    """The residual stream [t, width] after each layer that there is."""
    rows = tensors["token_embd.weight"][tokens].astype(float)
    layer = 0
    while f"blk.{layer}.attn_norm.weight" in tensors:
        of = {name: tensors[f"blk.{layer}.{name}.weight"].astype(float) for name in WEIGHTS}
        rows = rows + attended(norm(rows, of["attn_norm"]), of)
        calm = norm(rows, of["ffn_norm"])
        gate = calm @ of["ffn_gate"].T
        rows = rows + (gate / (1 + np.exp(-gate)) * (calm @ of["ffn_up"].T)) @ of["ffn_down"].T
        yield rows
        layer += 1


def attended(calm: Wide, of: Mapping[str, Wide]) -> Wide:
    """Head by head and token by token."""
    time = len(calm)
    query = turned((calm @ of["attn_q"].T).reshape(time, HEADS, SIDE))
    key = turned((calm @ of["attn_k"].T).reshape(time, KEYS, SIDE))
    value = (calm @ of["attn_v"].T).reshape(time, KEYS, SIDE)
    seen = np.zeros((time, HEADS, SIDE))
    for head in range(HEADS):
        served = head // (HEADS // KEYS)
        for now in range(time):
            likeness = key[: now + 1, served] @ query[now, head] / np.sqrt(SIDE)
            share = np.exp(likeness - likeness.max())
            seen[now, head] = share / share.sum() @ value[: now + 1, served]
    return seen.reshape(time, -1) @ of["attn_output"].T


def turned(rows: Wide) -> Wide:
    """Neighbours are the real and the imaginary part of a number, turned by place and frequency."""
    pairs = rows[..., ::2] + 1j * rows[..., 1::2]
    frequencies = 100_000.0 ** (-2 * np.arange(SIDE // 2) / SIDE)
    pairs = pairs * np.exp(1j * np.arange(len(rows))[:, None, None] * frequencies)
    return np.stack([pairs.real, pairs.imag], -1).reshape(rows.shape)


def norm(rows: Wide, scale: Wide) -> Wide:
    """Over the root mean square."""
    calm: Wide = rows / np.sqrt((rows**2).mean(-1, keepdims=True) + 1e-5) * scale
    return calm


def moments(rows: Wide) -> Wide:
    """Mean and deviation over tokens."""
    return np.concatenate([rows.mean(0), rows.std(0)])


def surprise(tensors: Mapping[str, NDArray[np.float32]], tokens: NDArray[np.int64]) -> Wide:
    """Nats [t - 1] that each token but the first costs, by the whole model."""
    *_, last = states(tensors, tokens)
    said = norm(last, tensors["output_norm.weight"].astype(float))
    logits = said[:-1] @ tensors["token_embd.weight"].astype(float).T
    top = logits.max(-1, keepdims=True)
    logits -= top + np.log(np.exp(logits - top).sum(-1, keepdims=True))
    cost: Wide = -logits[np.arange(len(tokens) - 1), tokens[1:]]
    return cost
