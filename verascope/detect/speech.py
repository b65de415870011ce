"""Whether a recording holds enough to be judged at all; nothing is scored that does not."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from verascope.result import Reason

RATE_HZ = 16_000
FRAME = 400  # samples, 25 ms: a vowel lasts several of them, a click less than one
MIN_SOUND_S = 1.0
MIN_ACTIVE_S = 0.5
SILENCE_DBFS = -60.0  # under the noise of any room and microphone
ACTIVE_DB = 35.0  # below the loudest frame: what follows a talker's own level, but not the room's
FULL_SCALE = 32_768.0


class PartLike(Protocol):
    """A stretch of a recording: mono, 16 kHz, int16 [n], as `media.sound` decodes it."""

    @property
    def samples(self) -> NDArray[np.int16]:
        """Of the stretch."""


def trouble(parts: Sequence[PartLike]) -> tuple[Reason, str] | None:
    """Why a recording must not be scored, and what was found in words; None if it may be.

    Args:
        parts: all of the recording, or the excerpts of it that are judged.
    """
    sound_s = sum(len(part.samples) for part in parts) / RATE_HZ
    if sound_s < MIN_SOUND_S:
        return Reason.TOO_SHORT, f"{sound_s:.2f} s of sound, {MIN_SOUND_S:g} s are needed"
    levels = np.concatenate([levels_db(part.samples) for part in parts])
    loudest = float(levels.max())
    if loudest < SILENCE_DBFS:
        return Reason.TOO_LITTLE_CONTENT, f"nothing in it is above {SILENCE_DBFS:g} dB"
    active_s = float(np.count_nonzero(levels > loudest - ACTIVE_DB)) * FRAME / RATE_HZ
    if active_s < MIN_ACTIVE_S:
        detail = f"{active_s:.2f} s of it are not silent, {MIN_ACTIVE_S:g} s are needed"
        return Reason.TOO_LITTLE_CONTENT, detail
    return None


def levels_db(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The level of each whole frame of 25 ms in decibels below full scale (root mean square).

    Args:
        samples: int16 [n], mono, 16 kHz.

    Returns:
        float32 [n // 400]; digital silence is -inf.
    """
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    energy = np.einsum("ij,ij->i", frames, frames, dtype=np.float32, casting="unsafe")
    with np.errstate(divide="ignore"):
        decibels: NDArray[np.float32] = 10 * np.log10(energy / np.float32(FRAME * FULL_SCALE**2))
    return decibels
