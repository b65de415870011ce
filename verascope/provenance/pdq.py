"""PDQ: 256 bits that stay nearly the same when a picture is resized or compressed again.

Meta's perceptual hash ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
2019): brightness, a tent filter, 64 × 64 samples, the 16 × 16 lowest cosine frequencies without the
constant one, each above or below their median. Filter and sampling are linear, so they are one
matrix from either side. The tests hold it against Meta's own code.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.media.picture import Pixels

Floats = NDArray[np.float32]

BITS = 256
SAMPLES = 64
FREQUENCIES = 16
WINDOWS = 2 * SAMPLES  # a window of the filter is the side by this, rounded up
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
STRIP_PIXELS = 1 << 18
# The sum of brightness steps between samples, in per cent of the scale, that is quality 1.
GRADIENT_UNIT = 90
# How a picture was turned or mirrored to look like another: transposed, rows and columns reversed.
TURNS = {
    "as it is": (False, False, False),
    "mirrored": (False, False, True),
    "upside down and mirrored": (False, True, False),
    "turned by 180°": (False, True, True),
    "turned and mirrored": (True, False, False),
    "turned by 90° counter-clockwise": (True, True, False),
    "turned by 90° clockwise": (True, False, True),
    "turned and mirrored the other way": (True, True, True),
}


class Pdq(NamedTuple):
    """The hash (32 bytes) for each of TURNS, as it is first, and its quality from 0 to 100."""

    hashes: tuple[bytes, ...]
    quality: int


def pdq(pixels: Pixels) -> Pdq:
    """The hash of a picture and of its seven other positions.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright.
    """
    samples = _samples(pixels)
    waves = _waves()
    spectrum = np.asarray(waves @ samples @ waves.T, np.float32)
    hashes = tuple(_bits(_turned(spectrum, turn)) for turn in TURNS.values())
    return Pdq(hashes, _quality(samples))


def _samples(pixels: Pixels) -> Floats:
    """Brightness, 0 to 255, filtered and sampled at 64 × 64 points; in strips, to stay small."""
    height, width = pixels.shape[:2]
    rows, columns = _filter(height), _filter(width)
    narrow = np.empty((height, SAMPLES), np.float32)
    step = max(1, STRIP_PIXELS // width)
    for top in range(0, height, step):
        strip = pixels[top : top + step].astype(np.float32) @ LUMA
        narrow[top : top + step] = strip @ columns.T
    samples: Floats = rows @ narrow
    return samples


@lru_cache(maxsize=8)
def _filter(side: int) -> Floats:
    """Weights [64, side]: a box filter twice, then every (side / 64)-th sample."""
    weights = np.zeros((SAMPLES, side), np.float32)
    for number, row in enumerate(weights):
        outer = _window(int((number + 0.5) * side / SAMPLES), side)
        for place in range(outer.start, outer.stop):
            inner = _window(place, side)
            row[inner] += 1 / ((outer.stop - outer.start) * (inner.stop - inner.start))
    return weights


def _window(place: int, side: int) -> slice:
    size = -(-side // WINDOWS)
    ahead = (size + 2) // 2
    return slice(max(0, place + ahead - size), min(side, place + ahead))


@lru_cache(maxsize=1)
def _waves() -> Floats:
    """The cosines [16, 64] of the lowest frequencies but the constant one."""
    frequency = np.arange(1, FREQUENCIES + 1)[:, None]
    angle = np.pi / (2 * SAMPLES) * frequency * (2 * np.arange(SAMPLES) + 1)
    return np.asarray(np.sqrt(2 / SAMPLES) * np.cos(angle), np.float32)


def _turned(spectrum: Floats, turn: tuple[bool, bool, bool]) -> Floats:
    """The spectrum of the turned picture: reversing an axis changes the odd frequencies' sign."""
    transposed, rows, columns = turn
    signs = np.where(np.arange(FREQUENCIES) % 2, 1, -1).astype(np.float32)  # frequencies from 1 on
    turned = spectrum.T if transposed else spectrum
    turned = np.asarray(turned * signs[:, None] if rows else turned)
    return np.asarray(turned * signs if columns else turned)


def _bits(spectrum: Floats) -> bytes:
    middle = np.sort(spectrum, axis=None)[BITS // 2 - 1]
    # Bit 255 first, as Meta writes them.
    return np.packbits((spectrum > middle).ravel()[::-1]).tobytes()


def _quality(samples: Floats) -> int:
    """How much structure there is: a flat picture's bits are noise."""
    down, right = np.diff(samples, axis=0), np.diff(samples, axis=1)
    steps = (np.abs(np.trunc(each * (100 / 255))).sum() for each in (down, right))
    return min(100, int(sum(steps)) // GRADIENT_UNIT)
