"""DistillMOS (Stahl and Gamper 2025), a judge of speech quality distilled from a model on XLS-R.

Six convolutions over compressed complex spectra, then transformer layers. The quality itself tells
little of what made a voice; what the layers hear on the way tells more. Cut after the fifth of
seven transformer layers. The public code pads every clip to 7.7 s; unpadded clips go in here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.encoders.attention import layer_norm, linear, placed, self_attention
from verascope.encoders.sound_graph import Wires

SIZE, HOP = 320, 160  # samples
BINS = SIZE // 2 + 1
COMPRESSION = 0.3  # exponent of magnitudes
SLOPE = 0.1  # of the convolutions' activations below zero
HEADS = 8
HEAD = "transformer_pool_attn"  # prefix of what stands behind the convolutions
NORM = ("weight", "bias", "running_mean", "running_var")
LAYERS = 5
CHANNELS = (64, 64, 128, 256, 256, 256)
WIDTHS = {
    **{f"conv {k}": 2 * width for k, width in enumerate(CHANNELS, 1)},
    "bands 6": 2 * 4 * CHANNELS[-1],  # the sixth convolution's four bands of frequency, kept apart
    **{f"transformer {k}": 2 * 200 for k in range(1, LAYERS + 1)},
}
TAPS = tuple(WIDTHS)
LONGEST = 122_880  # samples: what it has places for

Weights = dict[str, NDArray[Any]]


def build(weights: Weights, taps: tuple[str, ...] = TAPS) -> bytes:
    """The encoder's graph.

    Args:
        weights: of the public checkpoint, by their names in it.
        taps: those of TAPS that it gives; what none needs is left out.
    """
    wires = Wires()
    found: dict[str, str] = {}
    hidden = _spectra(wires)
    for k in range(1, len(CHANNELS) + 1):
        hidden = _convolved(wires, hidden, weights, k)
        found[f"conv {k}"] = wires.moments(hidden, (2, 3))
    found["bands 6"] = wires.moments(hidden, (3,))
    rows = _rows(wires, hidden, weights)
    for k in range(1, LAYERS + 1):
        rows = _layer(wires, rows, weights, f"transformer.transformer_encoder.layers.{k - 1}")
        found[f"transformer {k}"] = wires.moments(rows, (1,))
    return wires.model([found[tap] for tap in taps])


def _spectra(wires: Wires) -> str:
    """Complex spectra with compressed magnitudes: [n, 2, BINS, frames]."""
    samples = wires.levelled()
    highest = wires("ReduceMax", wires("Abs", samples), axes=[1], keepdims=1)
    samples = wires("Div", samples, wires("Add", highest, wires.number(1e-8)))
    edge = (SIZE - HOP) // 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    spectrum = wires.spectrum(wires.padded(samples, edge, edge, "reflect"), window, HOP)
    magnitude = wires("Sqrt", wires.power(spectrum, BINS))
    magnitude = wires("Max", magnitude, wires.number(1e-12))
    factor = wires("Pow", magnitude, wires.number(COMPRESSION - 1))
    planes = wires("Reshape", spectrum, wires.whole(0, 2, BINS, -1))
    return wires("Mul", planes, wires("Unsqueeze", factor, wires.whole(1)))


def _convolved(wires: Wires, hidden: str, weights: Weights, number: int) -> str:
    """The convolution of a number, 1 to 6, and its activation."""
    kernel, bias = _pair(weights, f"cnn.cnn.{2 * (number - 1)}")
    strides = [2 if number > 1 else 1, 2 if number == len(CHANNELS) else 1]
    hidden = wires(
        "Conv", hidden, wires.weight(kernel), wires.weight(bias), strides=strides, pads=[0, 1, 0, 1]
    )
    return wires("LeakyRelu", hidden, alpha=SLOPE)


def _rows(wires: Wires, hidden: str, weights: Weights) -> str:
    """What the transformer takes: [n, time, 200]."""
    columns = wires("Reshape", hidden, wires.whole(0, 4 * CHANNELS[-1], -1))
    for name in ("norm_input", "transformer.norm"):
        values = [weights[f"{HEAD}.{name}.{each}"] for each in NORM]
        columns = wires("BatchNormalization", columns, *map(wires.weight, values), epsilon=1e-5)
    rows = wires("Transpose", columns, perm=[0, 2, 1])
    rows = linear(wires, rows, *_pair(weights, f"{HEAD}.transformer.linear_proj"))
    return placed(wires, rows, weights[f"{HEAD}.transformer.position_encoding.pe"][0])


def _layer(wires: Wires, rows: str, weights: Weights, name: str) -> str:
    """A transformer layer that normalises after each of its two halves."""
    name = f"{HEAD}.{name}"
    inward = [weights[f"{name}.self_attn.in_proj_{each}"] for each in ("weight", "bias")]
    outward = _pair(weights, f"{name}.self_attn.out_proj")
    rows = wires("Add", rows, self_attention(wires, rows, inward, outward, HEADS))
    rows = layer_norm(wires, rows, *_pair(weights, f"{name}.norm1"))
    inner = wires("Relu", linear(wires, rows, *_pair(weights, f"{name}.linear1")))
    rows = wires("Add", rows, linear(wires, inner, *_pair(weights, f"{name}.linear2")))
    return layer_norm(wires, rows, *_pair(weights, f"{name}.norm2"))


def _pair(weights: Weights, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]
