"""A decoded picture, and what every format's decoder does with its pixels at the end."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble
from verascope.media.header import MIN_PART_SIDE
from verascope.result import Reason, Warn

Pixels = NDArray[np.uint8]

MCU_ROWS = 16  # pixels; the tallest block row of the JPEGs in use


@dataclass(frozen=True)
class Picture:
    """What a viewer shows of an image file, transparency on white.

    Attributes:
        pixels: uint8 [h, w, 3], RGB, upright, C-contiguous; colour values as the file has them
            (profiles are not applied).
        truncated: rows at the file's end are missing; pixels holds those that could be decoded.
        warnings: what was odd about the pixel data.
    """

    pixels: Pixels
    truncated: bool = False
    warnings: tuple[Warn, ...] = ()


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn stored pixels [h, w, 3] as the EXIF orientation (1 to 8) says; copies unless it is 1."""
    if orientation == 1:
        return pixels
    whole = pixels.view("V3")[..., 0]  # one item a pixel: twice as fast to transpose
    if orientation >= 5:
        whole = whole.T
    if orientation in (3, 4, 7, 8):
        whole = whole[::-1]
    if orientation in (2, 3, 6, 7):
        whole = whole[:, ::-1]
    turned = np.ascontiguousarray(whole)
    return turned.view(np.uint8).reshape(*turned.shape, 3)


def decoded_rows(pixels: Pixels) -> Pixels:
    """The rows above those that a decoder filled because the data had ended.

    Decoders fill with one colour. Rows of that colour are cut from the bottom, then at most one
    row of blocks that is filled at its right end.
    """
    fill = pixels[-1, -1]
    filled = _count_from_end((pixels == fill).all(axis=(1, 2)))
    if not filled:
        return pixels
    rows = len(pixels) - filled
    edge = (pixels[max(0, rows - MCU_ROWS) : rows, -1] == fill).all(axis=1)
    return pixels[: rows - _count_from_end(edge)]


def enough_of(part: Pixels, reason: Reason, detail: str) -> Pixels:
    """The decoded part if it can be judged.

    Raises:
        InputTrouble: its shorter side is under MIN_PART_SIDE.
    """
    if min(part.shape[:2]) < MIN_PART_SIDE:
        raise InputTrouble(reason, detail)
    return part


def _count_from_end(flags: NDArray[np.bool_]) -> int:
    """How many of the last flags are true in a row."""
    misses = np.flatnonzero(~flags)
    return len(flags) - (int(misses[-1]) + 1 if len(misses) else 0)
