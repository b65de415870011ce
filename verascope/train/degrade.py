"""What happens to pictures on their way to us, done to both classes alike.

Training: `training_crop` draws a random fate for each crop and always ends in a lossy encoder
after a crop at a random offset, so that neither the file's container nor its JPEG grid can be
learned: both differ between a corpus's classes for reasons that are not synthesis.
Judging: `social` is the fixed protocol of a platform. Augmenting with blur and JPEG is from Wang
et al. 2020 (CNN-generated images are surprisingly easy to spot), cropping instead of resizing from
NPR and SAFE; double JPEG mimics a picture that is shared again (AI-GenBench 2025).
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import simplejpeg
from msgspec import Struct
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # uint8 [h, w, 3], RGB

SOCIAL_SIDE = 1080  # pixels, the longest side that a platform keeps
SOCIAL_QUALITY = 75
SECOND_SCALE = 2 / 3
SECOND_QUALITY = 60
EQUAL_CROP = 200  # pixels; the smallest side in the shared corpus is 208
JPEG_BLOCK = 8  # pixels
SHRINKERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


class Fates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a training crop meets what; probabilities 0 to 1, the same for both classes."""

    flip: float = 0.5
    shrink: float = 0.35
    smallest_scale: float = 0.5
    small: float = 0.08  # cut smaller than the crop and mirrored, as small pictures are
    smallest_side: int = 64
    blur: float = 0.1
    noise: float = 0.1
    tone: float = 0.3
    grey: float = 0.05
    twice: float = 0.2
    webp: float = 0.06
    platform: float = 0.35  # exactly the platform's JPEG: quality 75, 4:2:0
    lowest_quality: int = 50
    highest_quality: int = 95


def social(pixels: Pixels) -> Pixels:
    """The picture as a platform would show it: long side ≤ 1080, never up, JPEG q75 4:2:0."""
    return decode(social_bytes(pixels))


def social_bytes(pixels: Pixels) -> bytes:
    """The file that a platform would make of the picture."""
    scale = SOCIAL_SIDE / max(pixels.shape[:2])
    if scale < 1:
        pixels = resize(pixels, scale, cv2.INTER_AREA)
    return encode(pixels, SOCIAL_QUALITY, "420")


def harder(pixels: Pixels) -> Pixels:
    """The picture after a second, harder pass than a platform's: × 2/3, JPEG q60 4:2:0."""
    return decode(harder_bytes(pixels)[1])


def harder_bytes(pixels: Pixels) -> tuple[Pixels, bytes]:
    """What is encoded in that pass, and the file that it gives."""
    shrunk = resize(social(pixels), SECOND_SCALE, cv2.INTER_AREA)
    return shrunk, encode(shrunk, SECOND_QUALITY, "420")


def centre_crop(pixels: Pixels, side: int = EQUAL_CROP) -> Pixels:
    """The middle of the picture, side × side, or less where it is smaller."""
    top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def training_crop(pixels: Pixels, side: int, fates: Fates, rng: np.random.Generator) -> Pixels:
    """A crop of the picture after a random fate.

    Args:
        pixels: uint8 [h, w, 3], RGB.
        side: of the crop in pixels.
        fates: how often what happens.
        rng: all chance comes from it; the same state gives the same crop.

    Returns:
        uint8 [side, side, 3]
    """
    region = _region(pixels, _cut_side(side, fates, rng), fates, rng)
    region = _light(region, fates, rng)
    for _ in range(2 if rng.random() < fates.twice else 1):
        region = _lossy(region, fates, rng)
    return _fit(region, side, rng)


def encode(pixels: Pixels, quality: int, subsampling: str) -> bytes:
    """A JPEG file; subsampling is "420" or "444"."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorsubsampling=subsampling
    )
    return data


def decode(jpeg: bytes) -> Pixels:
    """A JPEG file's pixels, RGB."""
    pixels: Pixels = simplejpeg.decode_jpeg(jpeg)
    return pixels


def resize(pixels: Pixels, scale: float, method: int) -> Pixels:
    """The picture scaled by a factor."""
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), np.uint8)


def _cut_side(side: int, fates: Fates, rng: np.random.Generator) -> int:
    """How many pixels to cut: a JPEG block more than the crop, or a small picture's side."""
    if rng.random() < fates.small and fates.smallest_side < side:
        return int(rng.integers(fates.smallest_side, side))
    return side + JPEG_BLOCK


def _region(pixels: Pixels, cut: int, fates: Fates, rng: np.random.Generator) -> Pixels:
    """A square at a random place, perhaps shrunk to `cut`, perhaps mirrored."""
    shortest = min(pixels.shape[:2])
    lowest = max(fates.smallest_scale, cut / shortest)
    scale = rng.uniform(lowest, 1) if rng.random() < fates.shrink and lowest < 1 else 1.0
    side = min(shortest, round(cut / scale))
    top, left = (int(rng.integers(0, length - side + 1)) for length in pixels.shape[:2])
    region = pixels[top : top + side, left : left + side]
    if side > cut:
        method = SHRINKERS[rng.integers(len(SHRINKERS))]
        region = np.asarray(cv2.resize(region, (cut, cut), interpolation=method), np.uint8)
    return region[:, ::-1] if rng.random() < fates.flip else region


def _light(region: Pixels, fates: Fates, rng: np.random.Generator) -> Pixels:
    """Tone, grey, blur and noise, each sometimes."""
    changes: tuple[tuple[float, Callable[[Pixels, np.random.Generator], Any]], ...] = (
        (fates.tone, tone),
        (fates.grey, grey),
        (fates.blur, blur),
        (fates.noise, noise),
    )
    for chance, change in changes:
        if rng.random() < chance:
            region = np.asarray(change(region, rng), np.uint8)
    return region


def tone(region: Pixels, rng: np.random.Generator) -> Any:
    """Gain, offset and gamma of each channel, as a camera's or a filter's curve changes them."""
    gain = rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3)
    curve = np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.8, 1.25)
    table = np.clip(255 * curve * gain + rng.uniform(-12, 12), 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(region), table[None])


def grey(region: Pixels, rng: np.random.Generator) -> Any:
    """Without colour."""
    return cv2.cvtColor(cv2.cvtColor(region, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def blur(region: Pixels, rng: np.random.Generator) -> Any:
    """Gaussian, of 0.3 to 1.2 pixels."""
    return cv2.GaussianBlur(region, (0, 0), rng.uniform(0.3, 1.2))


def noise(region: Pixels, rng: np.random.Generator) -> Any:
    """White, of a deviation of 1 to 5 of 255."""
    white = rng.standard_normal(region.shape, np.float32) * np.float32(rng.uniform(1, 5))
    return np.clip(region + white + 0.5, 0, 255)


def _lossy(region: Pixels, fates: Fates, rng: np.random.Generator) -> Pixels:
    """One lossy encoder: the platform's JPEG, another JPEG, or WebP."""
    quality = int(rng.integers(fates.lowest_quality, fates.highest_quality + 1))
    subsampling = "420" if rng.random() < 0.7 else "444"
    draw = rng.random()
    if draw < fates.webp:
        return webp(region, quality)
    if draw < fates.webp + fates.platform:
        quality, subsampling = SOCIAL_QUALITY, "420"
    return decode(encode(region, quality, subsampling))


def webp(region: Pixels, quality: int) -> Pixels:
    """Through lossy WebP; the order of the channels does not matter to a round trip's fate."""
    _, data = cv2.imencode(".webp", region[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _fit(region: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """Cut to the side at a random offset to the JPEG grid; mirror what is smaller, as scanning."""
    top, left = (int(rng.integers(0, max(1, n - side + 1))) for n in region.shape[:2])
    region = region[top : top + side, left : left + side]
    missing = [(0, side - length) for length in region.shape[:2]]
    if any(after for _, after in missing):
        region = np.pad(region, (*missing, (0, 0)), mode="symmetric")
    return region
