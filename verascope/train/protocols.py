"""How a file is shown to a detector when its figures are taken; always to both classes alike."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Detector
from verascope.detect.crops import CROP, MIN_SIDE, native_crops
from verascope.train.degrade import (
    EQUAL_CROP,
    Pixels,
    centre_crop,
    harder,
    harder_bytes,
    social,
    social_bytes,
)
from verascope.train.evaluate import Floats
from verascope.train.pixels import PixelStore

HEADLINE = "equal-crops"
SMALL = 128  # pixels, the side of the pictures that need padding in the protocol `small`

# Name to what is done to the pixels before the detector cuts its own windows.
PROTOCOLS: dict[str, Callable[[Pixels], Pixels]] = {
    "equal-crops": lambda pixels: social(centre_crop(pixels)),
    "whole": social,
    "harder": harder,
    "as-is": lambda pixels: pixels,
    "small": lambda pixels: social(centre_crop(pixels, SMALL)),
}
CROPS = ("equal-crops", "whole", "as-is", "small")  # a detector of native crops is measured under
PICTURES = ("equal-crops", "whole", "harder")  # one that sees whole pictures
DESCRIPTIONS = {
    "equal-crops": "200 × 200 px from the middle of each file, then JPEG quality 75, 4:2:0",
    "whole": "the file, long side at most 1080 px, then JPEG quality 75, 4:2:0",
    "harder": "whole, then two thirds of its size and JPEG quality 60, 4:2:0",
    "as-is": "the file as the corpus holds it",
    "small": f"{SMALL} × {SMALL} px from the middle, JPEG quality 75, 4:2:0, padded to {CROP} px",
}

Judge = Callable[[Pixels], float]  # a picture to its logit
Score = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # windows to their logits


def logits(judge: Judge, store: PixelStore, chosen: Sequence[int], protocol: str) -> Floats:
    """The logit of each chosen item under a protocol; NaN where it is too small to judge."""
    show = PROTOCOLS[protocol]
    pooled = np.full(len(chosen), np.nan)
    for place, index in enumerate(chosen):
        pixels = show(store[index])
        if min(pixels.shape[:2]) >= MIN_SIDE:
            pooled[place] = judge(pixels)
    return pooled


def judge_of(detector: Detector) -> Judge:
    """A detector as scanning uses it, but for the worker."""
    return lambda pixels: detector.pool(detector.score(detector.windows(pixels).values))


def judge_crops(score: Score) -> Judge:
    """A network in training: the mean logit of a picture's native crops."""
    return lambda pixels: float(score(native_crops(pixels).values).mean(dtype=np.float64))


def shown_bytes(pixels: Pixels, protocol: str) -> tuple[Pixels, int]:
    """What a protocol encodes of a picture, and into how many bytes; `as-is` encodes nothing."""
    if protocol == "harder":
        shown, data = harder_bytes(pixels)
        return shown, len(data)
    sides = {"equal-crops": EQUAL_CROP, "small": SMALL}
    shown = centre_crop(pixels, sides[protocol]) if protocol in sides else pixels
    return shown, len(social_bytes(shown))
