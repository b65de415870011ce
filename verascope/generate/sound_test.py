"""How far made recordings stand from real ones, without any downloaded network.

Three measures: the distance of their mel spectra; a linear model on long-term spectra (can it tell
the two apart?); and the lines that a vocoder leaves at multiples of its frame rate, as transposed
convolutions do (Pons, Pascual, Cengarle and Serrà 2021, arXiv 2010.14356).
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.generate.contract import Array
from verascope.generate.mel import log_mel
from verascope.generate.sounds import FULL, RATE
from verascope.generate.spectrum import linear_auroc

BANDS = 40  # of a long-term spectrum
HOPS = (64, 128, 160, 186, 200, 256, 320)  # samples; frame rates that lines are looked for at
HARMONICS = 32  # bins from one multiple of the frame rate to the next
NEAR, FAR = 2, 8  # a line's neighbours are this many bins away, at least and at most
LOWEST_HZ = 300.0  # below, a voice's own harmonics are the loudest


class SoundTest(Struct, frozen=True, kw_only=True):
    """A generator's output against real recordings.

    Attributes:
        recordings: how many of each.
        mel_l1: mean distance of the natural logarithms of 80 mel bands, over pairs; None where
            nothing is paired.
        spectrum_auroc: of a linear model on long-term log-spectra, cross-validated with pairs kept
            together; 0.5 = cannot tell them apart, 1 = always can.
        spectrum_floor: the same between two halves of the real recordings.
        line_db: the strongest line excess over all of HOPS, over that of the real ones.
        line_hop: the hop that it is at, samples.
    """

    recordings: int
    mel_l1: float | None
    spectrum_auroc: float
    spectrum_floor: float
    line_db: float
    line_hop: int


def sound_test(real: Sequence[Array], made: Sequence[Array], *, paired: bool) -> SoundTest:
    """Measure made recordings against as many real ones (int16 [n], any lengths)."""
    far = [mel_distance(a, b) for a, b in zip(real, made, strict=True)] if paired else []
    half = len(real) // 2
    a, b = (np.stack([long_term(media) for media in media_]) for media_ in (real, made))
    excess = {hop: _mean_lines(made, hop) - _mean_lines(real, hop) for hop in HOPS}
    hop = max(HOPS, key=excess.__getitem__)
    return SoundTest(
        recordings=len(made),
        mel_l1=round(float(np.mean(far)), 4) if far else None,
        spectrum_auroc=round(linear_auroc(a, b), 4),
        spectrum_floor=round(linear_auroc(a[:half], a[half : 2 * half]), 4),
        line_db=round(excess[hop], 2),
        line_hop=hop,
    )


def mel_distance(a: Array, b: Array) -> float:
    """Mean absolute difference of the natural logarithms of mel magnitudes, of equal lengths."""
    return float(np.abs(log_mel(a) - log_mel(b)).mean())


def long_term(media: Array) -> NDArray[np.float64]:
    """Mean log-mel spectrum with its own mean taken away, float64 [40]: level plays no part."""
    spectrum = log_mel(media, BANDS).mean(0)
    return np.asarray(spectrum - spectrum.mean())


def lines(media: Array, hop: int) -> float:
    """Power at multiples of the frame rate over the median of the neighbours, mean, dB.

    Long-term power in frames of 32 hops, half a frame apart, so that every multiple falls on a bin.
    """
    size = HARMONICS * hop
    wave = np.pad(media / FULL, (0, max(0, size - len(media))))
    window = np.hanning(size + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[:: size // 2] * window
    power = 10 * np.log10((np.abs(np.fft.rfft(frames, axis=1)) ** 2).mean(0) + 1e-12)
    at, around = _bins(hop)
    return float(np.mean(power[at] - np.median(power[around], axis=1)))


@cache
def _bins(hop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bins of the multiples between 300 Hz and 7.5 kHz [k], and their neighbours' [k, 2m]."""
    first, last = (int(np.ceil(hz * hop / RATE)) for hz in (LOWEST_HZ, 7500.0))
    at = np.arange(max(1, first), last) * HARMONICS
    beside = np.arange(NEAR, FAR + 1)
    return at, at[:, None] + np.concatenate([-beside, beside])


def _mean_lines(recordings: Sequence[Array], hop: int) -> float:
    return float(np.mean([lines(media, hop) for media in recordings]))
