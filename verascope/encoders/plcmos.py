"""The convolutions of PLCMOS (Diener et al. 2023), a judge of packet loss, from its public graph.

It was trained to hear what concealment of lost packets does to speech; its third convolution hears
what vocoders do. The recurrent half behind is cut away.

Log power of frames of 32 ms goes in. What is digital silence in the public code (the least power of
the clip less 120 dB) is a fixed floor here, under the rounding of 16 bits: how deep silence is told
from where a clip is cut would be a label of its container.
"""

import numpy as np
from onnx import ModelProto, numpy_helper

from verascope.encoders.sound_graph import Wires

SIZE, HOP = 512, 256  # samples
BINS = SIZE // 2 + 1
FLOOR = 1e-10  # of power
SLOPE = 0.1  # of the activations below zero
CHANNELS = (32, 64, 128)
WIDTHS = {
    **{f"conv {k}": 3 * width for k, width in enumerate(CHANNELS, 1)},
    "pool 3": 3 * CHANNELS[-1],
    "project": 3 * 128,
}
TAPS = tuple(WIDTHS)
LONGEST = None  # samples


def build(source: ModelProto, taps: tuple[str, ...] = TAPS) -> bytes:
    """The encoder's graph.

    Args:
        source: the public graph.
        taps: those of TAPS that it gives; what none needs is left out.
    """
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.graph.initializer}
    wires = Wires()

    def weigh(name: str) -> tuple[str, str]:
        full = f"in_blocks.0.{name}"
        return wires.tensor(weights[f"{full}.weight"]), wires.tensor(weights[f"{full}.bias"])

    found: dict[str, str] = {}
    hidden = _features(wires)
    for k in range(1, 4):
        hidden = wires("Conv", hidden, *weigh(f"conv{k}"), dilations=[2, 1], pads=[1, 1, 1, 1])
        hidden = wires("LeakyRelu", hidden, alpha=SLOPE)
        found[f"conv {k}"] = wires.moments(hidden, (2, 3), largest=True)
        hidden = wires("MaxPool", hidden, kernel_shape=[1, 4], strides=[1, 4])
    found["pool 3"] = wires.moments(hidden, (2, 3), largest=True)
    rows = wires("Transpose", hidden, perm=[0, 2, 3, 1])  # frames, then band by band all channels
    columns = wires("Transpose", wires("Reshape", rows, wires.whole(0, 0, -1)), perm=[0, 2, 1])
    project = wires("Conv", columns, *weigh("conv_project"))
    found["project"] = wires.moments(project, (2,), largest=True)
    return wires.model([found[tap] for tap in taps])


def _features(wires: Wires) -> str:
    """A twentieth of the log power of each frame: [n, 1, frames, BINS]."""
    samples = wires.padded(wires.levelled(), HOP, SIZE - 1)
    spectrum = wires.spectrum(samples, np.hamming(SIZE + 1)[:-1], HOP)
    power = wires("Max", wires.power(spectrum, BINS), wires.number(FLOOR))
    log = wires("Mul", wires("Log", power), wires.number(1 / 20))
    return wires("Unsqueeze", wires("Transpose", log, perm=[0, 2, 1]), wires.whole(1))
