"""The detector of Perth, the watermark that Chatterbox writes into its speech (Resemble AI 2025).

Its public program does not start any more where torchaudio or an old setuptools is missing, so its
detector alone is rebuilt here from the published weights. It hears a pattern in the decibels of
the lowest 2 kHz, at 32 kHz and at three tempos; the branches vote by weights of their own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from verascope.encoders.sound_graph import Wires, on_grid

SIZE, HOP = 2048, 320  # samples at 32 kHz
BINS = SIZE // 2 + 1
BAND = 128  # bins: up to 2 kHz
QUIETEST, HEADROOM_DB = 1e-9, 15  # of magnitudes
ACTIVE = 0.05  # of the fullest frame's sum: frames below it have no say
HALF = 20  # taps on each side of the filter that doubles the rate
KAISER = 5.0
SLOPE = 0.01  # of the activations below zero
LAYERS = 7
TEMPOS = {"slow": (5, 4), "normal": (1, 1), "fast": (3, 4)}  # frames, as fractions of what came in
WIDTHS = {"watermark": 1 + 2 * len(TEMPOS)}  # the confidence, then each branch's and its weight
TAPS = tuple(WIDTHS)
LONGEST = None  # samples

Weights = dict[str, NDArray[Any]]


def build(weights: Weights, taps: tuple[str, ...] = TAPS) -> bytes:
    """The detector's graph: the confidence of a clip, near 1 where it is marked, near 0 elsewhere.

    Args:
        weights: of the public checkpoint, by their names in it.
        taps: TAPS; there is no other.
    """
    wires = Wires()
    decibels = _decibels(wires)
    mask = _mask(wires, decibels)
    band = wires("Slice", decibels, wires.whole(0), wires.whole(BAND), wires.whole(1))
    votes, means = [], []
    for name, tempo in TEMPOS.items():
        found, active = band, mask
        if name != "normal":
            found = _stretched(wires, band, tempo, mode="linear")
            active = _stretched(wires, mask, tempo, mode="nearest")
        found = _layers(wires, found, weights, f"decoder.{name}_layers")
        mean = _mean(wires, found, active)
        votes.append(wires("Slice", mean, wires.whole(0), wires.whole(1), wires.whole(1)))
        means.append(wires("Slice", mean, wires.whole(1), wires.whole(2), wires.whole(1)))
    every, vote = wires("Concat", *means, axis=1), wires("Concat", *votes, axis=1)
    share = wires("Softmax", vote, axis=1)
    confidence = wires("ReduceSum", wires("Mul", every, share), wires.whole(1), keepdims=1)
    return wires.model([wires("Concat", confidence, every, share, axis=1) for _ in taps])


def _decibels(wires: Wires) -> str:
    """Magnitudes in decibels, 0 to about 1: [n, BINS, frames]."""
    spectrum = wires.spectrum(
        wires.padded(_doubled(wires), SIZE // 2, SIZE // 2, "reflect"),
        0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE),
        HOP,
    )
    magnitude = wires("Sqrt", wires.power(spectrum, BINS))
    loud = wires("Log", wires("Max", magnitude, wires.number(QUIETEST)))
    least_db = 20 * np.log10(QUIETEST)
    scale = 20 / np.log(10) / (HEADROOM_DB - least_db)
    offset = -least_db / (HEADROOM_DB - least_db)
    return wires("Add", wires("Mul", loud, wires.number(scale)), wires.number(offset))


def _doubled(wires: Wires) -> str:
    """The samples at 32 kHz, full scale 1: [n, 2 m]. The filter is scipy's resample_poly's."""
    full = wires("Mul", wires("Cast", "samples", to=TensorProto.FLOAT), wires.number(1 / 2**15))
    place = np.arange(-HALF, HALF + 1)
    taps = np.sinc(place / 2) * np.kaiser(2 * HALF + 1, KAISER)
    kernel = wires.tensor(on_grid(2 * taps / taps.sum())[None, None])
    row = wires("Unsqueeze", full, wires.whole(1))
    found = wires("ConvTranspose", row, kernel, strides=[2], pads=[HALF, HALF], output_padding=[1])
    return wires("Squeeze", found, wires.whole(1))


def _mask(wires: Wires, decibels: str) -> str:
    """1 for frames that are loud enough, else 0: [n, 1, frames]."""
    sums = wires("ReduceSum", decibels, wires.whole(1), keepdims=1)
    most = wires("ReduceMax", sums, axes=[2], keepdims=1)
    loud = wires("Greater", sums, wires("Mul", most, wires.number(ACTIVE)))
    return wires("Cast", loud, to=TensorProto.FLOAT)


def _stretched(wires: Wires, frames: str, tempo: tuple[int, int], mode: str) -> str:
    """Frames [n, rows, m] as if they were played at another tempo: m × tempo of them."""
    shape = wires("Shape", frames)
    length = wires("Slice", shape, wires.whole(2), wires.whole(3))
    times, by = tempo
    length = wires("Div", wires("Mul", length, wires.whole(times)), wires.whole(by))
    head = wires("Slice", shape, wires.whole(0), wires.whole(2))
    how = {"mode": mode, "coordinate_transformation_mode": "align_corners"}
    if mode == "nearest":
        how |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return wires("Resize", frames, "", "", wires("Concat", head, length, axis=0), **how)


def _layers(wires: Wires, hidden: str, weights: Weights, name: str) -> str:
    """One branch: [n, 2, frames], its vote's weight and its confidence."""
    for number in range(LAYERS):
        kernel, bias = (weights[f"{name}.{number}.conv.{each}"] for each in ("weight", "bias"))
        edge = kernel.shape[2] // 2
        hidden = wires("Conv", hidden, wires.weight(kernel), wires.weight(bias), pads=[edge, edge])
        if number < LAYERS - 1:
            hidden = wires("LeakyRelu", hidden, alpha=SLOPE)
    return hidden


def _mean(wires: Wires, rows: str, mask: str) -> str:
    """The mean over active frames: [n, 2]."""
    axis = wires.whole(2)
    total = wires("ReduceSum", wires("Mul", rows, mask), axis, keepdims=0)
    return wires("Div", total, wires("ReduceSum", mask, axis, keepdims=0))
