"""Native-resolution crops of a picture: the one way that training and scanning cut windows.

Nothing is ever resized: a resize removes the high frequencies that generators leave traces in,
and would itself become a label (research on NPR and SAFE: crop, do not resize).
"""

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Windows

CROP = 192  # pixels; below most files of social media, so that few pictures need padding
MIN_SIDE = 64  # pixels; a shorter side is too little content
# Centres of the crops as fractions of the room that a crop can move in, best first.
POSITIONS = ((0.5, 0.5), (0.15, 0.15), (0.85, 0.85), (0.85, 0.15), (0.15, 0.85))
MIN_SHIFT = 48  # pixels; a crop nearer to an earlier one than this would say the same again


def native_crops(pixels: NDArray[np.uint8]) -> Windows:
    """Up to five crops of 192 × 192 at native resolution, mirror-padded where the side is shorter.

    Args:
        pixels: uint8 [h, w, 3], RGB, upright; both sides at least MIN_SIDE.

    Returns:
        values uint8 [n, 192, 192, 3] with 1 ≤ n ≤ 5; places int32 [n, 4] in pixels of the picture.
    """
    height, width = pixels.shape[:2]
    padded = pad_to_crop(pixels)
    corners = _corners(padded.shape[1] - CROP, padded.shape[0] - CROP)
    values = np.stack([padded[y : y + CROP, x : x + CROP] for x, y in corners])
    places = [(x, y, min(CROP, width), min(CROP, height)) for x, y in corners]
    return Windows(values, np.array(places, np.int32))


def pad_to_crop(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirror the picture's lower and right edge until both sides hold a crop."""
    height, width = pixels.shape[:2]
    if height >= CROP and width >= CROP:
        return pixels
    missing = ((0, max(0, CROP - height)), (0, max(0, CROP - width)), (0, 0))
    return np.pad(pixels, missing, mode="symmetric")


def _corners(room_x: int, room_y: int) -> list[tuple[int, int]]:
    """Upper left corners (x, y) of the crops, those too near to an earlier one left out."""
    corners: list[tuple[int, int]] = []
    for fx, fy in POSITIONS:
        x, y = round(fx * room_x), round(fy * room_y)
        if all(max(abs(x - a), abs(y - b)) >= MIN_SHIFT for a, b in corners):
            corners.append((x, y))
    return corners
