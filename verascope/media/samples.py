"""Samples of more than 8 bits, and of floating point, as the 8-bit values that viewers show."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


def to_8_bit(image: "Image") -> "Image":
    """An 8-bit grey picture for one of wide samples; any other picture as it is.

    16 bits lose their low byte, as in every viewer. Wider integers and floats have no agreed
    range: they are taken as 0 to 1 (floats), 0 to 255 or 0 to 65535, the smallest that holds the
    largest value, or scaled to that value. Negative values, infinities and NaN are black.
    """
    from PIL.Image import fromarray

    if image.mode.startswith("I;16"):
        return fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode not in ("I", "F"):
        return image
    values = np.array(image, np.float32)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    values.clip(min=0, out=values)
    values *= 255.0 / _white(float(values.max(initial=0)), floats=image.mode == "F")
    return fromarray(values.astype(np.uint8))


def _white(largest: float, floats: bool) -> float:
    ranges = (1.0, 255.0, 65535.0) if floats else (255.0, 65535.0)
    return next((top for top in ranges if largest <= top), largest)
