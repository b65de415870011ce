"""Builds the graph of `spectral`, which the package carries, from the public graph of PLCMOS.

Its three convolutions, over log power spectra that numpy makes; of the third, mean and deviation
over time in each of four bands of frequency. Kept apart by band they tell more than pooled: leave-
sources-out AUROC 0.69 against 0.65, kernel and ridge alike (docs/audio-detector.md).

    python -m verascope.encoders.spectral WHEEL
"""

import hashlib
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from verascope.detect.encoder import DESCRIPTION, FP32, GRAPH, REFERENCE
from verascope.detect.sound_encoder import RATE, SoundEncoderDescription
from verascope.detect.spectral_encoder import NAME, SHIPPED, TAPS, SpectralEncoder
from verascope.encoders.known import SOUND
from verascope.encoders.plcmos import BINS, SLOPE
from verascope.encoders.sound import read_source
from verascope.encoders.sound_graph import Wires

BANDS = 4  # of the third convolution's 16 bins
LEAST_COSINE = 0.9999


def build(source: ModelProto) -> bytes:
    """The graph: `spectra`, float32 [n, frames, 257] → `vectors`, float32 [n, 1024]."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.graph.initializer}
    wires = Wires()
    hidden = wires("Unsqueeze", "spectra", wires.whole(1))
    for k in range(1, 4):
        kernel, bias = (
            wires.tensor(weights[f"in_blocks.0.conv{k}.{each}"]) for each in ("weight", "bias")
        )
        hidden = wires("Conv", hidden, kernel, bias, dilations=[2, 1], pads=[1, 1, 1, 1])
        hidden = wires("LeakyRelu", hidden, alpha=SLOPE)
        if k < 3:
            hidden = wires("MaxPool", hidden, kernel_shape=[1, 4], strides=[1, 4])
    mean = wires("ReduceMean", hidden, axes=[2], keepdims=1)
    centred = wires("Sub", hidden, mean)
    squares = wires("ReduceMean", wires("Mul", centred, centred), axes=[2], keepdims=1)
    moments = [_by_band(wires, each) for each in (mean, wires("Sqrt", squares))]
    return wires.model(
        moments,
        helper.make_tensor_value_info("spectra", TensorProto.FLOAT, ["n", "frames", BINS]),
    )


def _by_band(wires: Wires, tensor: str) -> str:
    """Means over each band's bins: [n, 128, 1, 16] → [n, 512]."""
    split = wires("Reshape", tensor, wires.whole(0, 0, BANDS, -1))
    return wires("Flatten", wires("ReduceMean", split, axes=[3], keepdims=0), axis=1)


def clips() -> NDArray[np.int16]:
    """Two drawn clips of 2 s, int16 [2, 32000]: harmonics that glide, and noise that swells."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    glide = 2 * np.pi * (110 * time + 20 * time**2)
    voice = np.sum([np.sin(k * glide) / k for k in range(1, 30)], axis=0) * np.sin(3 * time) ** 2
    noise = rng.standard_normal(len(time)) * np.abs(np.sin(5 * time))
    return np.round(6000 * np.stack([voice + 0.01 * noise, noise])).astype(np.int16)


def write(wheel: Path, folder: Path = SHIPPED) -> None:
    """Build the encoder from the pinned wheel into a folder.

    Raises:
        UsageError: it is not the pinned wheel.
    """
    known = SOUND["plcmos"]
    graph = build(onnx.load_from_string(read_source(known, [wheel])))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GRAPH).write_bytes(graph)
    described = SoundEncoderDescription(
        name=NAME,
        build=FP32,
        sha256=hashlib.sha256(graph).hexdigest(),
        taps=tuple(TAPS),
        widths=tuple(TAPS.values()),
        rate=RATE,
        source=", ".join(f"{part.wheel} {part.member}" for part in known.parts),
        source_sha256=known.source_sha256,
        licence=known.licence,
        reference_sha256="",
        least_cosine=LEAST_COSINE,
    )
    _store(folder, described)
    np.savez_compressed(
        folder / REFERENCE, samples=clips(), vectors=SpectralEncoder(folder).vectors(clips())
    )
    reference = hashlib.sha256((folder / REFERENCE).read_bytes()).hexdigest()
    _store(folder, msgspec.structs.replace(described, reference_sha256=reference))


def _store(folder: Path, described: SoundEncoderDescription) -> None:
    (folder / DESCRIPTION).write_bytes(msgspec.json.format(msgspec.json.encode(described)) + b"\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
