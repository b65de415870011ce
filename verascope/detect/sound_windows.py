"""The windows of a recording that detectors of sound judge: 2 s each, side by side."""

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Windows
from verascope.detect.spectrum import RATE

LENGTH = 2 * RATE  # samples
MOST = 300  # windows of one stretch: its whole length up to 10 minutes
LEAST = RATE  # samples; shorter recordings are not judged


def windows(samples: NDArray[np.int16], most: int = MOST) -> Windows:
    """Windows spread evenly over a recording, the first at its start, the last at its end.

    A recording of one window has it in its middle. One that is shorter than a window is repeated
    until it fills one.

    Args:
        samples: int16 [n], mono, 16 kHz.
        most: how many windows at most.

    Returns:
        values int16 [k, 32000]; places float64 [k, 2], start and end in seconds.
    """
    length = len(samples)
    if length < LENGTH:
        places = np.array([[0.0, length / RATE]])
        return Windows(np.resize(samples, LENGTH)[None], places)
    count = min(most, max(1, round(length / LENGTH)))
    last = length - LENGTH
    starts = np.linspace(0, last, count).round().astype(np.int64) if count > 1 else [last // 2]
    values = np.stack([samples[start : start + LENGTH] for start in starts])
    ends = np.asarray(starts) + LENGTH
    return Windows(values, np.stack([np.asarray(starts), ends], 1) / RATE)
