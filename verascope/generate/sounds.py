"""Real recordings to train on, their windows, and drawn ones for tests and demos.

Sound is mono int16 [n] at 16 kHz everywhere, as a scan decodes it.
"""

import io
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Data, Item, item_rng
from verascope.generate.files import Files
from verascope.generate.members import Place
from verascope.media import sound
from verascope.media.types import sniff
from verascope.result import Reason, Warn
from verascope.settings import Limits

RATE = sound.RATE_HZ
LIMITS = Limits(max_judged_s=1800.0)  # a longer recording would come as excerpts
COMPRESSED = (".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac")
SUFFIXES = frozenset({".wav", ".aif", ".aiff", ".au", ".caf", *COMPRESSED})
FULL = 32_768.0  # int16's full scale
SILENCE = 33  # peak of what counts as silence, -60 dBFS


class Sounds(Files):
    """Recordings as int16 [n], mono, 16 kHz."""

    suffixes: ClassVar[frozenset[str]] = SUFFIXES
    types: ClassVar[str] = "audio/"
    noun: ClassVar[str] = "recordings"

    @staticmethod
    def decode(place: Place) -> NDArray[np.int16]:
        """As the function decode does."""
        return decode(place)


def open_sounds(folder: Path) -> Sounds:
    """Real recordings of a corpus or of any folder; see Files.open.

    Raises:
        UsageError: there is no recording in it.
    """
    return Sounds.open(folder)


def decode(file: Path | Place) -> NDArray[np.int16]:
    """A recording, int16 [n], decoded as a scan would, but whole.

    Raises:
        InputTrouble: it cannot be read, not all of it is there, or it is longer than 30 minutes.
    """
    try:
        data = file.read() if isinstance(file, Place) else file.read_bytes()
    except OSError as error:
        raise InputTrouble(Reason.NOT_FOUND, str(error)) from error
    kind, opened = sniff(data), io.BytesIO(data)
    found = sound.decode(opened, kind, sound.read_header(opened, data, kind, LIMITS), LIMITS)
    if found.truncated:
        raise InputTrouble(Reason.TRUNCATED)
    if len(found.parts) > 1 or Warn.SAMPLED in found.warnings:
        raise InputTrouble(Reason.TOO_LARGE, f"longer than {LIMITS.max_judged_s / 60:.0f} minutes")
    return np.asarray(found.parts[0].samples)


def quantised(wave: NDArray[np.floating]) -> NDArray[np.int16]:
    """Floats [n], −1 to 1, as int16; what is beyond is clipped."""
    return np.asarray(np.clip(np.rint(wave * FULL), -FULL, FULL - 1), np.int16)


def cut_origin(origin: str, start: int, end: int) -> str:
    """The origin of the samples start to end: `…#t=start,end` in seconds, or `…;then-t=…`."""
    span = f"{start / RATE:.3f},{end / RATE:.3f}"
    return f"{origin}{';then-' if '#' in origin else '#'}t={span}"


class Clips:
    """An endless stream of random training clips, whose state can be saved and restored."""

    def __init__(self, data: Data, samples: int, seed: int) -> None:
        """`samples` is a clip's length; shorter items are passed over."""
        self._data = data
        self._samples = samples
        self.rng = np.random.default_rng(np.random.SeedSequence(seed))

    def batch(self, n: int) -> NDArray[np.int16]:
        """Draw n clips, none of them silent: int16 [n, samples]."""
        return np.stack([self._one() for _ in range(n)])

    def _one(self) -> NDArray[np.int16]:
        for _ in range(1000):
            try:
                media = self._data[int(self.rng.integers(len(self._data)))].media
            except InputTrouble:
                continue
            if len(media) < self._samples:
                continue
            start = int(self.rng.integers(len(media) - self._samples + 1))
            clip: NDArray[np.int16] = media[start : start + self._samples]
            if np.abs(clip.astype(np.int32)).max() >= SILENCE:
                return clip
        seconds = self._samples / RATE
        raise UsageError(f"no recording of {seconds:.2f} s that can be read and is not silent")


def example_sounds(seconds: float = 1.2, n: int = 8) -> list[Item]:
    """Drawn sounds like a voice's, for tests and demos: no file is needed.

    Syllables of glottal pulses through gliding formants, hiss between them, and pauses, over a
    faint noise floor.
    """
    items = []
    for k in range(n):
        rng = item_rng(0, k)
        media = quantised(_voice(round(seconds * RATE), rng))
        items.append(Item(media=media, key=k, pair=f"example-{k}", source="drawn", licence="CC0"))
    return items


def _voice(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    wave = rng.normal(0, 2e-4, n)
    pitch = rng.uniform(90, 230)  # Hz
    at = int(rng.uniform(0, 0.1) * RATE)
    while at < n:
        syllable = _syllable(round(rng.uniform(0.12, 0.35) * RATE), pitch, rng)
        end = min(n, at + len(syllable))
        wave[at:end] += syllable[: end - at]
        hiss = np.diff(rng.normal(0, 0.02, round(rng.uniform(0.03, 0.1) * RATE) + 1))
        start, end = end, min(n, end + len(hiss))
        wave[start:end] += (hiss * np.hanning(len(hiss)))[: end - start]
        at = end + int(rng.uniform(0, 0.15) * RATE)
    return wave


def _syllable(n: int, pitch: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Formant wave functions (Rodet 1984): each glottal pulse starts a damped sine a formant."""
    first, last = (rng.uniform((300, 900, 2200), (800, 2100, 3200)) for _ in range(2))
    widths, levels = np.array([80.0, 110.0, 170.0]), np.array([1.0, 0.5, 0.25])
    t = np.arange(round(0.03 * RATE)) / RATE  # the pulse's response, s
    wave, at = np.zeros(n + len(t)), 0.0
    while at < n:
        formants = first + (last - first) * at / n
        damped = np.exp(-np.pi * widths[:, None] * t) * np.sin(2 * np.pi * formants[:, None] * t)
        wave[int(at) : int(at) + len(t)] += levels @ damped
        glide = 1 + 0.15 * np.cos(np.pi * at / n)
        at += RATE / (pitch * glide) * rng.normal(1, 0.01)
    return np.asarray(0.15 * wave[:n] * np.hanning(n))
