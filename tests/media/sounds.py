"""Sound files that the tests write themselves, and how they are read."""

import io
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from verascope.media.sound import Sound, SoundHeader, decode, read_header
from verascope.media.types import judgeable
from verascope.result import Modality
from verascope.settings import Limits

Wave = NDArray[np.float32]
# name: how soundfile or PyAV writes it.
BY_SOUNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "wavex": ("WAVEX", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
}
BY_PYAV = {
    "m4a": ("ipod", "aac"),
    "aac": ("adts", "aac"),
    "alac": ("ipod", "alac"),
    "mp4": ("mp4", "aac"),
}
FORMATS = (*BY_SOUNDFILE, *BY_PYAV)
STEP = 4800  # samples written at once; the Vorbis encoder overflows its stack on long pieces


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> Wave:
    """Half of full scale, with a little noise."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(1).normal(0, 0.01, len(time))
    wave: Wave = (0.5 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)
    return wave


def clicked(seconds: float, at_s: float, rate: int = 16_000) -> Wave:
    """A quiet hum with 20 ms of noise at full scale at a time."""
    wave = 0.02 * tone(seconds, rate)
    start, length = round(at_s * rate), round(0.02 * rate)
    wave[start : start + length] = np.random.default_rng(2).uniform(-0.9, 0.9, length)
    return wave


def encoded(wave: NDArray[Any], name: str, rate: int = 16_000, subtype: str | None = None) -> bytes:
    """The wave, [n] or [n, channels], in a format of FORMATS."""
    if name in BY_PYAV:
        return _by_pyav(wave, *BY_PYAV[name], rate)
    file_format, usual = BY_SOUNDFILE[name]
    buffer, channels = io.BytesIO(), 1 if wave.ndim == 1 else wave.shape[1]
    with soundfile.SoundFile(
        buffer, "w", rate, channels, subtype or usual, format=file_format
    ) as out:
        for start in range(0, len(wave), STEP):
            out.write(wave[start : start + STEP])
    return buffer.getvalue()


def _by_pyav(wave: Wave, container: str, codec: str, rate: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        for frame in _frames(wave, rate, "fltp" if codec == "aac" else "s16p"):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(wave: Wave, rate: int, sample_format: str) -> Iterator[Any]:
    for start in range(0, len(wave), 1024):
        piece = wave[None, start : start + 1024]
        if sample_format != "fltp":
            piece = np.round(piece * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(piece, format=sample_format, layout="mono")
        frame.sample_rate, frame.pts = rate, start
        yield frame


def header_of(data: bytes, limits: Limits | None = None) -> SoundHeader:
    found, _ = judgeable(data, "", frozenset({Modality.AUDIO}))
    return read_header(io.BytesIO(data), data, found, limits or Limits())


def read(data: bytes, limits: Limits | None = None) -> Sound:
    """Both stages."""
    found, _ = judgeable(data, "", frozenset({Modality.AUDIO}))
    header = read_header(io.BytesIO(data), data, found, limits or Limits())
    return decode(io.BytesIO(data), found, header, limits or Limits())


def loudest_s(samples: NDArray[np.int16]) -> float:
    """Where the loudest 10 ms begin, in seconds."""
    frames = np.abs(samples[: len(samples) // 160 * 160].astype(np.int32)).reshape(-1, 160)
    return float(frames.sum(axis=1).argmax()) / 100
