"""SmolLM2-135M (Allal et al. 2025) up to one of its layers: tokens of a text to moments over them.

The hidden states of a small language model hold how a text goes on, which tells people from
machines better than how likely its words are. Llama's architecture (Touvron et al. 2023): RMS
norms, rotary places, three keys for nine queries, gated SiLU. Taps are mean and deviation over the
tokens of the residual stream after a layer; each text goes in by itself.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from verascope.encoders.gguf import Gguf
from verascope.encoders.sound_graph import Wires, on_grid

WIDTH, HEADS, KEYS = 576, 9, 3
SIDE = WIDTH // HEADS  # of a head
MOST_TOKENS = 192
TURN = 100_000.0  # base of the rotary angles
EPSILON = 1e-5
FAR = -1e9  # what a later token weighs, before softmax
# Cuts of the model, by build: which layers are taps, and with the last of which it ends.
CUTS = {"layer6": (2, 4, 6), "layer24": (6, 12, 18, 24)}
GIVEN = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", "t"])

Floats = NDArray[np.float32]


def taps(cut: str) -> tuple[str, ...]:
    """What a cut gives, by name."""
    return tuple(f"layer {layer}" for layer in CUTS[cut])


def wanted(cut: str) -> Any:
    """Whether a cut needs a tensor of the public file, by its name."""
    deepest = CUTS[cut][-1]

    def needs(name: str) -> bool:
        parts = name.split(".")
        return name == "token_embd.weight" or (parts[0] == "blk" and int(parts[1]) < deepest)

    return needs


def build(source: Gguf, cut: str) -> bytes:
    """The graph of a cut: int64 [n, t] tokens to float32 [n, 2 × WIDTH × taps]."""
    wires = Wires()
    table = wires.weight(source.tensors["token_embd.weight"].astype(np.float16))
    rows = wires("Gather", table, "tokens", axis=0)
    places = _places(wires, rows)
    found = {}
    for layer in range(CUTS[cut][-1]):
        weights = {
            name.removeprefix(f"blk.{layer}.").removesuffix(".weight"): values
            for name, values in source.tensors.items()
            if name.startswith(f"blk.{layer}.")
        }
        rows = wires("Add", rows, _attention(wires, rows, weights, places))
        rows = wires("Add", rows, _forward(wires, rows, weights))
        if layer + 1 in CUTS[cut]:
            found[f"layer {layer + 1}"] = wires.moments(rows, (1,))
    return wires.model([found[tap] for tap in taps(cut)], GIVEN)


def _places(wires: Wires, rows: str) -> tuple[str, str, str]:
    """Cosines and sines [t, SIDE] of as many places as there are tokens, and the mask [t, t]."""
    angles = np.outer(np.arange(MOST_TOKENS), TURN ** (-np.arange(0, SIDE, 2) / SIDE))
    both = np.concatenate((angles, angles), axis=1)
    later = np.triu(np.full((MOST_TOKENS, MOST_TOKENS), FAR, np.float32), 1)
    length = wires("Slice", wires("Shape", rows), wires.whole(1), wires.whole(2))
    start, axis = wires.whole(0), wires.whole(0)
    cosines, sines, mask = (
        wires("Slice", wires.tensor(each), start, length, axis)
        for each in (on_grid(np.cos(both)), on_grid(np.sin(both)), later)
    )
    return cosines, sines, wires("Slice", mask, start, length, wires.whole(1))


def _attention(
    wires: Wires, rows: str, weights: dict[str, Floats], places: tuple[str, str, str]
) -> str:
    """Each token looks at itself and those before it."""
    calm = _norm(wires, rows, weights["attn_norm"])
    cosines, sines, mask = places
    query = _heads(wires, _times(wires, calm, _unpaired(weights["attn_q"], HEADS)), HEADS)
    key = _heads(wires, _times(wires, calm, _unpaired(weights["attn_k"], KEYS)), KEYS)
    value = _repeated(wires, _heads(wires, _times(wires, calm, weights["attn_v"]), KEYS))
    query, key = (_turned(wires, each, cosines, sines) for each in (query, key))
    key = wires("Transpose", _repeated(wires, key), perm=[0, 1, 3, 2])
    query = wires("Mul", query, wires.number(SIDE**-0.5))
    shares = wires("Softmax", wires("Add", wires("MatMul", query, key), mask), axis=-1)
    seen = wires("Transpose", wires("MatMul", shares, value), perm=[0, 2, 1, 3])
    return _times(wires, wires("Reshape", seen, wires.whole(0, 0, -1)), weights["attn_output"])


def _forward(wires: Wires, rows: str, weights: dict[str, Floats]) -> str:
    """The gated half of a layer (Shazeer 2020)."""
    calm = _norm(wires, rows, weights["ffn_norm"])
    gate, up = (_times(wires, calm, weights[f"ffn_{name}"]) for name in ("gate", "up"))
    open_ = wires("Mul", gate, wires("Sigmoid", gate))
    return _times(wires, wires("Mul", open_, up), weights["ffn_down"])


def _norm(wires: Wires, rows: str, scale: Floats) -> str:
    """Rows over their root mean square (Zhang and Sennrich 2019)."""
    power = wires("ReduceMean", wires("Mul", rows, rows), axes=[-1], keepdims=1)
    level = wires("Sqrt", wires("Add", power, wires.number(EPSILON)))
    return wires("Mul", wires("Div", rows, level), wires.tensor(scale))


def _times(wires: Wires, rows: str, weights: Floats) -> str:
    """Rows times a matrix [out, in]; it is kept in halves."""
    return wires("MatMul", rows, wires.weight(np.ascontiguousarray(weights.T, np.float16)))


def _heads(wires: Wires, rows: str, heads: int) -> str:
    """[n, t, heads × SIDE] to [n, heads, t, SIDE]."""
    split = wires("Reshape", rows, wires.whole(0, 0, heads, SIDE))
    return wires("Transpose", split, perm=[0, 2, 1, 3])


def _repeated(wires: Wires, rows: str) -> str:
    """[n, KEYS, t, SIDE] to [n, HEADS, t, SIDE]: each key serves the same number of queries."""
    order = np.repeat(np.arange(KEYS), HEADS // KEYS)
    return wires("Gather", rows, wires.tensor(order.astype(np.int64)), axis=1)


def _turned(wires: Wires, rows: str, cosines: str, sines: str) -> str:
    """Rotary places (Su et al. 2021), the two numbers of a pair half a head apart."""
    first, second = (
        wires("Slice", rows, wires.whole(low), wires.whole(high), wires.whole(3))
        for low, high in ((0, SIDE // 2), (SIDE // 2, SIDE))
    )
    other = wires("Concat", wires("Neg", second), first, axis=3)
    return wires("Add", wires("Mul", rows, cosines), wires("Mul", other, sines))


def _unpaired(weights: Floats, heads: int) -> Floats:
    """Rows that the file keeps pair beside pair, with the pairs' halves apart."""
    apart = weights.reshape(heads, SIDE // 2, 2, WIDTH).transpose(0, 2, 1, 3)
    return apart.reshape(heads * SIDE, WIDTH)
