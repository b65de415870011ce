"""The invisible watermark of Stable Diffusion's and FLUX's reference programs, by its known words.

Method `dwtDct` of the package invisible-watermark, decoding only: colour difference U, Haar
wavelet's low band, blocks of 4 × 4 coefficients, in each the largest but the first; where it lies
in its step of 36 is one bit of the word, which is repeated over the picture. Anyone can write it,
and JPEG at 75, a resize or a crop removes it, so a hit is weak evidence and a miss says nothing.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.media.picture import Pixels
from verascope.provenance.mark import Declared, Mark

KIND = "invisible_watermark"
BLOCK = 4
STEP = 36
MIN_PIXELS = 256 * 256  # the package marks no smaller ones
YUV_BLUE = 0.492
LUMA = (0.299, 0.587, 0.114)


class Word(NamedTuple):
    """What is written, as bits; a match needs `least` of them, by chance under one in 10⁸."""

    program: str
    bits: str
    least: int


def _text(text: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in text)


WORDS = (
    Word("Stable Diffusion 1", _text(b"StableDiffusionV1"), 102),
    Word("Stable Diffusion 2", _text(b"SDV2"), 31),
    Word("Stable Diffusion XL", f"{0xB3EC907BB19E:b}", 44),
    # Written without the two zeros that it begins with: its program takes bin().
    Word("FLUX", f"{0x2AFE879CF52E:b}", 42),
)


def watermarks(pixels: Pixels) -> tuple[Mark, ...]:
    """The watermarks in a picture as it was made: upright, neither resized nor cropped.

    Args:
        pixels: uint8 [h, w, 3], RGB.
    """
    if pixels.shape[0] * pixels.shape[1] < MIN_PIXELS:
        return ()
    bits = _bits(pixels)
    return tuple(_mark(word, hits) for word in WORDS if (hits := matches(bits, word)) >= word.least)


def matches(bits: NDArray[np.bool_], word: Word) -> int:
    """How many bits of a word the blocks agree with, by the majority of those that hold it."""
    size = len(word.bits)
    place = np.arange(len(bits)) % size
    share = np.bincount(place, bits, size) / np.maximum(1, np.bincount(place, minlength=size))
    wanted = np.frombuffer(word.bits.encode(), np.uint8) == ord("1")
    return int(((share * 255 > 127) == wanted).sum())


def _bits(pixels: Pixels) -> NDArray[np.bool_]:
    """One bit for each block, row by row."""
    low = _low_band(pixels)
    rows, columns = (side // BLOCK for side in low.shape)
    blocks = low[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    flat = np.abs(blocks.transpose(0, 2, 1, 3).reshape(-1, BLOCK * BLOCK)[:, 1:])
    return np.asarray(flat.max(axis=1) % STEP > STEP / 2)


def _low_band(pixels: Pixels) -> NDArray[Any]:
    """The Haar wavelet's low band of U: half of the sum of each 2 × 2 pixels."""
    height, width = (side // 4 * 4 for side in pixels.shape[:2])
    red, green, blue = (pixels[:height, :width, channel].astype(np.float32) for channel in range(3))
    brightness = np.rint(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)
    u = np.clip(np.rint((blue - brightness) * YUV_BLUE + 128), 0, 255)
    return np.asarray(u.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3)) / 2)


def _mark(word: Word, hits: int) -> Mark:
    return Mark(
        kind=KIND,
        declared=Declared.AI,
        value=f"{word.program}: {hits} of {len(word.bits)} bits",
        statement=f"It carries the invisible watermark that {word.program} writes "
        f"({hits} of {len(word.bits)} bits).",
    )
