"""The texture of a sound: how 80 bands lie, waver and change from frame to frame, in numpy.

Statistics over time of log energies in linearly spaced bands, as LFCC front ends start from
(Sahidullah et al. 2015), without the cosine transform: what vocoders smooth is local in both
directions. Frames of 32 ms every 5 ms, since what differs most is how fast bands change.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from verascope.detect.spectrum import level

FRAME, HOP = 512, 80  # samples
BANDS = 80
FLOOR = 1e-5  # of a band's power: hides how silent silence is
WIDTH = 5 * BANDS - 1
WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32)  # periodic

Floats = NDArray[np.float32]


def texture(samples: NDArray[np.int16]) -> Floats:
    """Five statistics of each band: int16 [n, m], m at least 592 → float32 [n, 399].

    Mean less the mean over all bands, deviation, mean and deviation of what changes from frame to
    frame, and mean difference to the next band.
    """
    return np.stack([_statistics(bands(one[None])[0]) for one in samples])


def bands(samples: NDArray[np.int16]) -> Floats:
    """Log energies: int16 [n, m] → float32 [n, frames, 80], natural logarithm."""
    cut = sliding_window_view(level(samples), FRAME, axis=1)[:, ::HOP]
    spectrum = np.fft.rfft(cut * WINDOW, axis=-1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
    energies: Floats = np.log(power @ FILTERS + np.float32(FLOOR))
    return energies


def _statistics(energies: Floats) -> Floats:
    """Of one clip's [frames, 80]: float32 [399]."""
    mean = energies.mean(0)
    change = np.diff(energies, axis=0)
    parts = (
        mean - mean.mean(),
        energies.std(0),
        np.abs(change).mean(0),
        change.std(0),
        np.abs(np.diff(energies, axis=1)).mean(0),
    )
    return np.concatenate(parts).astype(np.float32)


def _filters() -> Floats:
    """Triangles of equal width from 0 Hz to 8 kHz: float32 [257, 80]."""
    place = np.linspace(0, BANDS + 1, FRAME // 2 + 1)[:, None]
    filters: Floats = np.maximum(0, 1 - np.abs(place - np.arange(1, BANDS + 1))).astype(np.float32)
    return filters


FILTERS = _filters()
