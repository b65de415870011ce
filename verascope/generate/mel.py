"""The mel scale and its filters (Stevens, Volkmann and Newman 1937; Slaney 1998's variant)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from verascope.generate.sounds import FULL, RATE

BREAK_HZ, BREAK_MEL = 1000.0, 15.0  # linear below, logarithmic above
STEP = np.log(6.4) / 27


def mel_from_hz(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale."""
    above = BREAK_MEL + np.log(np.maximum(hz, 1e-9) / BREAK_HZ) / STEP
    return np.where(hz < BREAK_HZ, hz * 3 / 200, above)


def hz_from_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of mel_from_hz."""
    return np.where(mel < BREAK_MEL, mel * 200 / 3, BREAK_HZ * np.exp(STEP * (mel - BREAK_MEL)))


@lru_cache(maxsize=64)
def mel_filters(
    bands: int, size: int, low_hz: float = 0.0, high_hz: float = RATE / 2
) -> NDArray[np.float64]:
    """Triangular filters of equal area for spectra of `size`-sample frames at 16 kHz.

    Returns:
        float64 [bands, size // 2 + 1]; do not write into it.
    """
    ends = mel_from_hz(np.array([low_hz, high_hz]))
    edges = hz_from_mel(np.linspace(ends[0], ends[1], bands + 2))
    bins = np.arange(size // 2 + 1) * RATE / size
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    filters = weights * (2 / (edges[2:] - edges[:-2]))[:, None]
    filters.flags.writeable = False
    return np.asarray(filters)


def log_mel(media: NDArray[np.int16], bands: int = 80, size: int = 1024) -> NDArray[np.float64]:
    """Natural logarithm of the mel magnitudes, float64 [frames, bands]; floored at 1e-5.

    Hann frames of `size` samples, a quarter of it apart, as the vocoders' own papers take them
    (HiFi-GAN, Kong 2020).
    """
    wave = np.pad(media / FULL, size // 2)
    window = np.hanning(size + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[:: size // 4] * window
    return np.log(
        np.maximum(np.abs(np.fft.rfft(frames, axis=1)) @ mel_filters(bands, size).T, 1e-5)
    )
