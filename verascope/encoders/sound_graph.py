"""What every graph of sound is written with: samples in, spectra, moments over time out.

Windows, cosines and filters are rounded to a grid, so that a build has the same bytes whichever
mathematical library made it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from verascope.encoders.graph import node, prune

OPSET = 17  # has LayerNormalization
LEVEL = 0.05  # root mean square that every clip is brought to; full scale is 1
QUIETEST = 1e-5  # of a clip's root mean square: silence is not amplified
GRID = 2.0**-24  # what constants of the front ends are rounded to

Floats = NDArray[np.float32]
SAMPLES = helper.make_tensor_value_info("samples", TensorProto.INT16, ["n", "m"])


class Wires:
    """A graph being written. Each method adds nodes and returns the name of what they give."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._tensors: list[TensorProto] = []

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """One node of a kind."""
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(node(kind, inputs, name, **attributes))
        return name

    def tensor(self, values: NDArray[Any]) -> str:
        """A constant, kept in the type that it has."""
        name = f"tensor_{len(self._tensors)}"
        self._tensors.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def weight(self, values: NDArray[Any]) -> str:
        """A constant of floats; halves stay halves in the file and widen when it is loaded."""
        name = self.tensor(values)
        return self("Cast", name, to=TensorProto.FLOAT) if values.dtype == np.float16 else name

    def number(self, value: float) -> str:
        """A constant float32 [1]."""
        return self.tensor(np.array([value], np.float32))

    def whole(self, *values: int) -> str:
        """A constant int64 [n]: a shape, axes, pads."""
        return self.tensor(np.array(values, np.int64))

    def levelled(self) -> str:
        """The graph's input `samples`, int16 [n, m], as floats with a root mean square of LEVEL."""
        floats = self("Cast", "samples", to=TensorProto.FLOAT)
        full = self("Mul", floats, self.number(1 / 2**15))
        power = self("ReduceMean", self("Mul", full, full), axes=[1], keepdims=1)
        rms = self("Max", self("Sqrt", power), self.number(QUIETEST))
        return self("Mul", full, self("Div", self.number(LEVEL), rms))

    def padded(self, samples: str, left: int, right: int, mode: str = "constant") -> str:
        """Samples [n, m] with more of them at both ends."""
        return self("Pad", samples, self.whole(0, left, 0, right), mode=mode)

    def spectrum(self, samples: str, window: NDArray[np.float64], hop: int) -> str:
        """Fourier transforms of frames: [n, 2 × (size / 2 + 1), frames], real parts first.

        Args:
            samples: [n, m].
            window: float64 [size], of each frame.
            hop: from frame to frame, in samples.
        """
        size = len(window)
        turns = np.outer(np.arange(size // 2 + 1), np.arange(size)) % size / size
        waves = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)]) * window
        kernel = self.tensor(on_grid(waves)[:, None])
        return self("Conv", self("Unsqueeze", samples, self.whole(1)), kernel, strides=[hop])

    def halves(self, spectrum: str, bins: int) -> tuple[str, str]:
        """Real and imaginary parts of a spectrum: [n, bins, frames] each."""
        axis, middle = self.whole(1), self.whole(bins)
        real = self("Slice", spectrum, self.whole(0), middle, axis)
        return real, self("Slice", spectrum, middle, self.whole(2 * bins), axis)

    def power(self, spectrum: str, bins: int) -> str:
        """The squared magnitude of a spectrum: [n, bins, frames]."""
        real, imaginary = self.halves(spectrum, bins)
        return self("Add", self("Mul", real, real), self("Mul", imaginary, imaginary))

    def moments(self, tensor: str, axes: Sequence[int], *, largest: bool = False) -> str:
        """Mean and deviation over some axes, and the largest if wanted: [n, 2 or 3 × channels]."""
        mean = self("ReduceMean", tensor, axes=axes, keepdims=1)
        centred = self("Sub", tensor, mean)
        variance = self("ReduceMean", self("Mul", centred, centred), axes=axes, keepdims=1)
        found = [mean, self("Sqrt", variance)]
        if largest:
            found.append(self("ReduceMax", tensor, axes=axes, keepdims=1))
        return self("Concat", *(self("Flatten", each) for each in found), axis=1)

    def model(self, taps: Sequence[str], given: ValueInfoProto = SAMPLES) -> bytes:
        """The finished graph: `samples`, int16 [n, m] → `vectors`, float32 [n, width].

        Args:
            taps: [n, width] each.
            given: another input than samples.
        """
        self._nodes.append(node("Concat", taps, "vectors", axis=1))
        vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", None])
        graph = helper.make_graph(self._nodes, "sound", [given], [vectors], self._tensors)
        prune(graph)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="verascope"
        )
        model.ir_version = 8
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def on_grid(values: NDArray[np.float64], grid: float = GRID) -> Floats:
    """Values rounded to multiples of a power of two."""
    rounded: Floats = (np.round(values / grid) * grid).astype(np.float32)
    return rounded
