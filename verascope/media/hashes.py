"""A 64-bit hash of numbers for whole arrays: the finish of SplitMix64 (Steele et al. 2014).

Trained tables and watermark keys rest on it: it must never change.
"""

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


def mixed(values: Hashes) -> Hashes:
    """Values, each bit of which depends on all of theirs."""
    values = (values ^ (values >> np.uint64(30))) * FIRST
    values = (values ^ (values >> np.uint64(27))) * SECOND
    return values ^ (values >> np.uint64(31))
