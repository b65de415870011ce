"""The null of sound: what a recording's file and its level tell without a word being heard.

On demo pages the clean recording is often the synthetic one, so that level, silence, noise floor
and bandwidth alone go far; a score that does not beat them is not a score.
"""

import io
from collections.abc import Sequence

import av
import numpy as np
from numpy.typing import NDArray

from verascope.train.corpora import Item
from verascope.train.evaluate import Floats

HEADER = ("bytes", "seconds", "rate", "channels", "bytes_per_second", "container")
SIGNAL = (
    "bandwidth_hz",
    "share_of_nyquist",
    "silence_before_s",
    "silence_after_s",
    "peak_db",
    "rms_db",
    "floor_db",
    "clipped",
)
CONTAINERS = ("flac", "wav", "ogg", "mp3", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "aac")
FRAME_S = 0.025
QUIET_DB = 40.0  # below the loudest frame
BAND_DB = 60.0  # below the strongest bin
FLOOR_SHARE = 10  # per cent of frames that are quieter than the noise floor
FULL = 0.999  # of full scale, from which on a sample is clipped


def table(items: Sequence[Item]) -> Floats:
    """HEADER and SIGNAL of the corpus's own files: float64 [n, 14]."""
    return np.array([features(item) for item in items])


def features(item: Item) -> list[float]:
    """HEADER and SIGNAL of one file."""
    with av.open(io.BytesIO(item.place.read())) as file:
        audio = file.streams.audio[0]
        rate, name = int(audio.rate), file.format.name
        to_mono = av.AudioResampler(format="flt", layout="mono", rate=rate)
        frames = [made for frame in file.decode(audio) for made in to_mono.resample(frame)]
        wave = np.concatenate([frame.to_ndarray().ravel() for frame in frames])
        channels = audio.channels
    seconds, size = len(wave) / rate, item.place.size
    container = CONTAINERS.index(name) if name in CONTAINERS else len(CONTAINERS)
    return [size, seconds, rate, channels, size / seconds, container, *_signal(wave, rate)]


def _signal(wave: NDArray[np.float32], rate: int) -> list[float]:
    """SIGNAL of a wave float32 [n], −1 to 1."""
    size = round(FRAME_S * rate)
    framed = wave[: len(wave) // size * size].reshape(-1, size)
    levels = _decibel(np.square(framed).mean(1))
    loud = np.flatnonzero(levels > levels.max() - QUIET_DB)
    power = np.square(np.abs(np.fft.rfft(framed * np.hanning(size), axis=1))).mean(0)
    heard = np.flatnonzero(_decibel(power) > _decibel(power).max() - BAND_DB)
    width = float(heard[-1]) * rate / size
    return [
        width,
        2 * width / rate,
        float(loud[0]) * FRAME_S,
        float(len(levels) - 1 - loud[-1]) * FRAME_S,
        float(_decibel(np.square(wave).max())),
        float(_decibel(np.square(wave).mean())),
        float(np.percentile(levels, FLOOR_SHARE)),
        float((np.abs(wave) >= FULL).mean()),
    ]


def _decibel(power: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(power + 1e-12), np.float64)
