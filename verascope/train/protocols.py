"""How a file is shown to a detector when its figures are taken; always to both classes alike."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.detect.crops import CROP, MIN_SIDE, native_crops
from verascope.train.degrade import Pixels, centre_crop, social
from verascope.train.evaluate import Floats
from verascope.train.pixels import PixelStore

HEADLINE = "equal-crops"
SMALL = 128  # pixels, the side of the pictures that need padding in the protocol `small`

# Name to what is done to the pixels before the detector cuts its own windows.
PROTOCOLS: dict[str, Callable[[Pixels], Pixels]] = {
    "equal-crops": lambda pixels: social(centre_crop(pixels)),
    "whole": social,
    "as-is": lambda pixels: pixels,
    "small": lambda pixels: social(centre_crop(pixels, SMALL)),
}
DESCRIPTIONS = {
    "equal-crops": "200 × 200 px from the middle of each file, then JPEG quality 75, 4:2:0",
    "whole": "the file, long side at most 1080 px, then JPEG quality 75, 4:2:0",
    "as-is": "the file as the corpus holds it",
    "small": f"{SMALL} × {SMALL} px from the middle, JPEG quality 75, 4:2:0, padded to {CROP} px",
}

# windows uint8 [n, 192, 192, 3] → logits float32 [n]
Score = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def logits(score: Score, store: PixelStore, chosen: Sequence[int], protocol: str) -> Floats:
    """The pooled logit of each chosen item under a protocol; NaN where it is too small to judge."""
    show = PROTOCOLS[protocol]
    pooled = np.full(len(chosen), np.nan)
    for place, index in enumerate(chosen):
        pixels = show(store[index])
        if min(pixels.shape[:2]) >= MIN_SIDE:
            pooled[place] = score(native_crops(pixels).values).mean(dtype=np.float64)
    return pooled
