"""The lower half of Whisper base's encoder (Radford et al. 2022): two convolutions and four blocks.

It learned to read speech; its first blocks keep how a voice sounds, its last ones what is said.
The public code pads every clip to 30 s; unpadded clips go in here, with as many places as they
need. Weights are halves in the public file and stay halves in ours.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.encoders.attention import layer_norm, linear, placed, self_attention
from verascope.encoders.sound_graph import Wires, on_grid

SIZE, HOP = 400, 160  # samples
BINS = SIZE // 2 + 1
BANDS = 80
RANGE = 8.0  # of powers of ten under the loudest
HEADS = 8
BLOCKS = 4
WIDTH = 512
WIDTHS = {"stem": 2 * WIDTH} | {f"block {k}": 2 * WIDTH for k in range(1, BLOCKS + 1)}
TAPS = tuple(WIDTHS)
LONGEST = 480_000  # samples: what it has places for

Weights = dict[str, NDArray[Any]]


def wanted(name: str) -> bool:
    """Whether the encoder's graph may need a tensor of the public file."""
    return name.startswith("encoder/")


def build(weights: Weights, taps: tuple[str, ...] = TAPS) -> bytes:
    """The encoder's graph.

    Args:
        weights: of the public file, by their names in it.
        taps: those of TAPS that it gives; what none needs is left out.
    """
    wires = Wires()
    hidden = _log_mel(wires)
    for name, stride in (("conv1", 1), ("conv2", 2)):
        pair = [wires.weight(weights[f"encoder/{name}/{each}"]) for each in ("weight", "bias")]
        hidden = _gelu(wires, wires("Conv", hidden, *pair, pads=[1, 1], strides=[stride]))
    rows = wires("Transpose", hidden, perm=[0, 2, 1])
    found = {"stem": wires.moments(rows, (1,))}
    rows = placed(wires, rows, weights["encoder/position_encodings/encodings"])
    for k in range(1, BLOCKS + 1):
        rows = _block(wires, rows, weights, f"encoder/layer_{k - 1}")
        found[f"block {k}"] = wires.moments(rows, (1,))
    return wires.model([found[tap] for tap in taps])


def _log_mel(wires: Wires) -> str:
    """Logarithms of mel bands, from RANGE under the loudest up: [n, BANDS, frames]."""
    samples = wires.padded(wires.levelled(), SIZE // 2, SIZE // 2, "reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    power = wires.power(wires.spectrum(samples, window, HOP), BINS)
    power = wires("Slice", power, wires.whole(0), wires.whole(-1), wires.whole(2))
    bands = wires("MatMul", wires.tensor(on_grid(mel_filters(), 2.0**-32)), power)
    logs = wires("Log", wires("Max", bands, wires.number(1e-10)))
    logs = wires("Mul", logs, wires.number(1 / math.log(10)))
    loudest = wires("ReduceMax", logs, axes=[1, 2], keepdims=1)
    logs = wires("Max", logs, wires("Sub", loudest, wires.number(RANGE)))
    return wires("Mul", wires("Add", logs, wires.number(4.0)), wires.number(0.25))


def mel_filters() -> NDArray[np.float64]:
    """Triangles on the mel scale of Slaney's Auditory Toolbox, of equal area: [BANDS, BINS]."""
    step = math.log(6.4) / 27  # of the logarithmic part, which starts at 1 kHz, mel 15
    mels = np.linspace(0, 15 + math.log(8) / step, BANDS + 2)
    corners = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    bins = np.arange(BINS) * 16_000 / SIZE
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: NDArray[np.float64] = triangles * 2 / (corners[2:] - corners[:-2])[:, None]
    return filters


def _block(wires: Wires, rows: str, weights: Weights, name: str) -> str:
    """A block that normalises before each of its two halves."""

    def pair(part: str, first: str = "weight", second: str = "bias") -> list[NDArray[Any]]:
        return [weights[f"{name}/{part}/{each}"] for each in (first, second)]

    calm = layer_norm(wires, rows, *pair("self_attention/layer_norm", "gamma", "beta"))
    inward, outward = pair("self_attention/linear_0"), pair("self_attention/linear_1")
    rows = wires("Add", rows, self_attention(wires, calm, inward, outward, HEADS))
    calm = layer_norm(wires, rows, *pair("ffn/layer_norm", "gamma", "beta"))
    inner = _gelu(wires, linear(wires, calm, *pair("ffn/linear_0")))
    return wires("Add", rows, linear(wires, inner, *pair("ffn/linear_1")))


def _gelu(wires: Wires, values: str) -> str:
    """The value times the normal distribution's Φ of it, written as onnxruntime knows it."""
    error = wires("Erf", wires("Div", values, wires.number(math.sqrt(2))))
    twice = wires("Mul", values, wires("Add", error, wires.number(1.0)))
    return wires("Mul", twice, wires.number(0.5))
