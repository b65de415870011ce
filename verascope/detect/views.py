"""A whole picture as an encoder sees it: the one way that training and scanning resize.

The shorter side becomes the encoder's, the middle square is kept. Bicubic with antialiasing.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Pictures of more than this many times the side are first reduced by a whole factor, which costs
# a fifth of the time and moves no pixel by more than rounding.
REDUCING_GAP = 3.0


def square(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle square of a picture, resized.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright.
        side: of the result, in pixels.

    Returns:
        uint8 [side, side, 3]
    """
    left, top, length = middle(pixels.shape[1], pixels.shape[0])
    box = (left, top, left + length, top + length)
    resized = Image.fromarray(pixels).resize(
        (side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=REDUCING_GAP
    )
    return np.asarray(resized)


def middle(width: int, height: int) -> tuple[int, int, int]:
    """Left, top and side of the middle square, in pixels."""
    length = min(width, height)
    return (width - length) // 2, (height - length) // 2, length
