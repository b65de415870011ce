"""How often Perth's watermark is heard where nobody wrote it, and where it was written.

python -m benchmarks.sound_watermarks ../shared/corpora/audio PERTH_CHECKPOINT [--json FILE]

Needs `verascope models install perth` and, to write marks, the checkpoint out of its wheel.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch.nn import functional

from benchmarks.fingerprints import Share
from verascope.detect.sound_encoder import SHORTEST, SoundEncoder, open_installed_sound
from verascope.encoders import checkpoint
from verascope.encoders.perth import ACTIVE, BAND, HEADROOM_DB, HOP, LAYERS, QUIETEST, SIZE, SLOPE
from verascope.media.sound import RATE_HZ
from verascope.provenance.sound_watermark import LEAST

Samples = NDArray[np.int16]
MARKED = 100  # clips that are marked, one in so many of the real ones
LEAST_DB = 20 * float(np.log10(QUIETEST))


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    text = json.dumps(found(asked.corpus, asked.checkpoint), indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def found(corpus: Path, weights: Path) -> dict[str, Any]:
    """Shares of clips over the threshold: by label, and of marked ones after codecs."""
    listener = open_installed_sound("perth", "fp32")
    clips = list(read(corpus))
    heard: dict[str, list[float]] = {}
    for label, samples in clips:
        heard.setdefault(label, []).append(confidence(listener, samples))
    write = Writer(weights)
    real = [samples for label, samples in clips if label == "real"]
    for samples in real[:: max(1, len(real) // MARKED)]:
        marked = write(samples)
        for name, changed in changes(marked):
            heard.setdefault(f"marked, {name}", []).append(confidence(listener, changed))
    return {
        name: {
            **Share(sum(each >= LEAST["perth"] for each in values), len(values)).facts(),
            "median": round(float(np.median(values)), 3),
            "most": round(max(values), 3),
            "least": round(min(values), 3),
        }
        for name, values in heard.items()
    }


def confidence(listener: SoundEncoder, samples: Samples) -> float:
    """Of one clip."""
    return float(listener.vectors(samples[None])[0, 0])


def read(corpus: Path) -> Iterator[tuple[str, Samples]]:
    """Label and samples of each clip that is long enough, mono at 16 kHz."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        wave, rate = soundfile.read(corpus / row["path"], dtype="float64", always_2d=True)
        samples = whole(soxr.resample(wave.mean(1), rate, RATE_HZ))
        if len(samples) >= SHORTEST:
            yield row["label"], samples


def changes(samples: Samples) -> Iterator[tuple[str, Samples]]:
    """A clip as it is and after what platforms do."""
    yield "as it is", samples
    yield "Opus 32 kbit/s", coded(samples, "libopus", "ogg", 48_000, 32_000)
    yield "AAC 64 kbit/s", coded(samples, "aac", "adts", RATE_HZ, 64_000)
    narrow = soxr.resample(samples / 2**15, RATE_HZ, 8_000)
    yield "8 kHz", whole(soxr.resample(narrow, 8_000, RATE_HZ))


def coded(samples: Samples, codec: str, container: str, rate: int, bits: int) -> Samples:
    """Through a codec and back; its delay stays."""
    import io

    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.bit_rate, stream.layout = bits, "mono"
        wave = soxr.resample(samples / 2**15, RATE_HZ, rate).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        mix = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        fifo = av.AudioFifo()
        for each in mix.resample(frame):
            fifo.write(each)
        size = stream.codec_context.frame_size or 960
        while (piece := fifo.read(size, partial=True)) is not None:
            piece.pts = None
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    out.seek(0)
    with av.open(out) as file:
        back = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        pieces = [p.to_ndarray()[0] for f in file.decode(audio=0) for p in back.resample(f)]
        pieces += [p.to_ndarray()[0] for p in back.resample(None)]
    return np.concatenate(pieces)


class Writer:
    """Writes the mark, by the weights of the public checkpoint and its published method."""

    def __init__(self, file: Path) -> None:
        weights = checkpoint.read(file.read_bytes())["model"]
        self._layers = [
            [
                torch.from_numpy(weights[f"encoder.layers.{number}.conv.{each}"])
                for each in ("weight", "bias")
            ]
            for number in range(LAYERS)
        ]

    def __call__(self, samples: Samples) -> Samples:
        """Samples at 16 kHz, marked."""
        wave = torch.from_numpy(soxr.resample(samples / 2**15, 1, 2).astype(np.float32))
        window = torch.hann_window(SIZE)
        spectrum = torch.stft(wave, SIZE, HOP, window=window, return_complex=True)
        loud = (20 * spectrum.abs().clip(QUIETEST).log10() - LEAST_DB) / (HEADROOM_DB - LEAST_DB)
        sums = loud.sum(0)
        loud[:BAND] += self._residual(loud[None, :BAND])[0] * (sums > ACTIVE * sums.max())
        magnitude = 10 ** ((loud * (HEADROOM_DB - LEAST_DB) + LEAST_DB) / 20).clip(max=1e10)
        marked = torch.polar(magnitude, spectrum.angle())
        back = torch.istft(marked, SIZE, HOP, window=window, length=len(wave))
        return whole(soxr.resample(back.numpy().astype(np.float64), 2, 1))

    def _residual(self, band: torch.Tensor) -> torch.Tensor:
        for number, (kernel, bias) in enumerate(self._layers):
            band = functional.conv1d(band, kernel, bias, padding=kernel.shape[2] // 2)
            if number < LAYERS - 1:
                band = functional.leaky_relu(band, SLOPE)
        return band


def whole(wave: NDArray[np.float64]) -> Samples:
    """Floats to int16, clipped."""
    return np.clip(np.rint(wave * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


if __name__ == "__main__":
    main()
