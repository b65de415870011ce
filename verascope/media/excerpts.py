"""Which parts of a recording are judged, and one of them as a reader gives it to 16 kHz int16."""

from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from verascope.settings import Limits

EXCERPT_S = 10.0
RATE_HZ = 16_000  # of everything that detectors get
QUALITY = "HQ"  # of soxr: aliases under -100 dB, passband up to 0.91 of half the rate
FULL_SCALE = 32_768.0
BATCH = 1 << 16  # samples that are resampled at once

Samples: TypeAlias = NDArray[np.int16]
Wave: TypeAlias = NDArray[np.float32]


class Reader(Protocol):
    """An open sound file."""

    damaged: bool

    @property
    def duration_s(self) -> float | None:
        """As the header has it; None where it does not say."""

    def read(self, start_s: float) -> Iterator[tuple[int, Wave]]:
        """Pieces from a time on: rate in Hz, and float32 [n] with full scale at 1."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None: ...


class Cut(NamedTuple):
    """A stretch as it came out; `more` tells that it was ended for its length alone."""

    start_s: float
    samples: Samples
    damaged: bool
    more: bool


def places(duration_s: float, limits: Limits) -> tuple[tuple[float, ...], float | None]:
    """Where the excerpts start, and how long each is; one at 0 of no given length for the whole.

    The first starts with the recording and the last ends with it.
    """
    if duration_s <= limits.max_judged_s:
        return (0.0,), None
    length_s = min(EXCERPT_S, limits.max_judged_s)
    count = max(1, int(limits.max_judged_s / length_s))
    step_s = (duration_s - length_s) / max(1, count - 1)
    return tuple(k * step_s for k in range(count)), length_s


def cut_out(reader: Reader, start_s: float, lead_s: float, length_s: float) -> Cut:
    """Up to so many seconds from a place on, after a lead that is decoded and dropped."""
    pieces = _Pieces(reader, start_s, lead_s, length_s)
    samples = [_int16(wave) for wave in _resampled(pieces)]
    joined = np.concatenate(samples) if samples else np.zeros(0, np.int16)
    return Cut(start_s, joined, reader.damaged or pieces.changed, pieces.more)


class _Pieces:
    """The wanted samples of a reader, in pieces worth resampling."""

    def __init__(self, reader: Reader, start_s: float, lead_s: float, length_s: float) -> None:
        self._reader = reader
        self._start_s, self._lead_s, self._length_s = start_s, lead_s, length_s
        self.rate = 0  # of the first piece; what comes in another rate ends it
        self.changed = self.more = False

    def __iter__(self) -> Iterator[Wave]:
        held: list[Wave] = []
        for piece in self._wanted():
            held.append(piece)
            if sum(map(len, held)) >= BATCH:
                yield np.concatenate(held)
                held.clear()
        if held:
            yield np.concatenate(held)

    def _wanted(self) -> Iterator[Wave]:
        at = first = last = 0
        for rate, piece in self._reader.read(self._start_s):
            if not self.rate:
                self.rate, first = rate, round(self._lead_s * rate)
                last = first + round(self._length_s * rate)
            if rate != self.rate:
                self.changed = True
                return
            yield piece[max(0, first - at) : max(0, last - at)]
            at += len(piece)
            if at > last:
                self.more = True
                return


def _resampled(pieces: _Pieces) -> Iterator[Wave]:
    """The pieces at 16 kHz; the filter runs on from one to the next."""
    stream = None
    for piece in pieces:
        if pieces.rate == RATE_HZ:
            yield piece
            continue
        if stream is None:
            import soxr

            stream = soxr.ResampleStream(pieces.rate, RATE_HZ, 1, dtype="float32", quality=QUALITY)
        yield stream.resample_chunk(piece)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _int16(wave: Wave) -> Samples:
    """To whole numbers, clipped at full scale; samples of 16 bits come back as they were."""
    scaled = np.rint(wave * np.float32(FULL_SCALE))
    whole: Samples = scaled.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return whole
