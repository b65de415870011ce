"""A decoded picture, and what every format's decoder does with its pixels at the end."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.errors import InputTrouble
from verascope.media.header import MIN_PART_SIDE
from verascope.result import Reason, Warn

Pixels = NDArray[np.uint8]

MCU_ROWS = 16  # pixels; the tallest block row of the JPEGs in use


class Picture(Struct, frozen=True, eq=False):
    """What a viewer shows of an image file, transparency on white.

    Attributes:
        pixels: uint8 [h, w, 3], RGB, upright; colour values as the file has them (profiles are not
            applied). A view of the stored pixels, strided where they had to be turned: turning a
            copy costs as much as decoding, and detectors read a few crops only.
        truncated: rows at the file's end are missing; pixels holds those that could be decoded.
        warnings: what was odd about the pixel data.
    """

    pixels: Pixels
    truncated: bool = False
    warnings: tuple[Warn, ...] = ()


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn stored pixels [h, w, 3] as the EXIF orientation (1 to 8) says; a view."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def decoded_rows(pixels: Pixels) -> Pixels:
    """The rows above those that a decoder filled because the data had ended; a view.

    Decoders fill with one colour. Rows of that colour are cut from the bottom, then at most one
    row of blocks that is filled at its right end.
    """
    fill = pixels[-1, -1]
    rows = len(pixels)
    while rows and (pixels[rows - 1] == fill).all():
        rows -= 1
    least = max(0, rows - MCU_ROWS) if rows < len(pixels) else rows
    while rows > least and (pixels[rows - 1, -1] == fill).all():
        rows -= 1
    return pixels[:rows]


def enough_of(part: Pixels, reason: Reason, detail: str) -> Pixels:
    """The decoded part if it can be judged.

    Raises:
        InputTrouble: its shorter side is under MIN_PART_SIDE.
    """
    if min(part.shape[:2]) < MIN_PART_SIDE:
        raise InputTrouble(reason, detail)
    return part
