"""Where a recording holds anything: active frames, and windows that have enough of them."""

import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble
from verascope.generate.contract import Array
from verascope.generate.sounds import FULL, RATE
from verascope.result import Reason

FRAME = RATE // 40  # 25 ms
# A frame is active within 35 dB of the loudest one, if it is not under -60 dBFS.
BELOW_DB, FLOOR_DB = 35.0, -60.0
ACTIVE = 0.45  # share of active frames that a window must have; as in the shared audio corpus
TRIES = 24


def active(media: Array) -> NDArray[np.bool_]:
    """Which 25 ms frames of int16 [n] are active: bool [n // 400]."""
    frames = media[: len(media) // FRAME * FRAME].reshape(-1, FRAME) / FULL
    level = 10 * np.log10(np.mean(frames**2, 1) + 1e-12)
    loudest = level.max() if len(level) else 0.0
    return np.asarray(level > max(loudest - BELOW_DB, FLOOR_DB))


def window(media: Array, samples: int, rng: np.random.Generator) -> tuple[int, int]:
    """Start and end of a random window of which at least 45 % is active.

    Raises:
        InputTrouble: it is shorter than that, or no drawn window has enough in it.
    """
    if len(media) < samples:
        raise InputTrouble(Reason.TOO_SHORT)
    frames = active(media)
    for _ in range(TRIES):
        start = int(rng.integers(len(media) - samples + 1))
        inside = frames[start // FRAME : (start + samples) // FRAME]
        if len(inside) and inside.mean() >= ACTIVE:
            return start, start + samples
    raise InputTrouble(Reason.TOO_LITTLE_CONTENT)
