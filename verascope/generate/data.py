"""Real pictures to train on, their crops, and drawn ones for tests and demos."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Data, Item, item_rng
from verascope.generate.files import Files
from verascope.generate.files import Listed as Listed
from verascope.generate.members import Place
from verascope.media import image
from verascope.media.types import sniff
from verascope.result import Reason
from verascope.settings import Limits

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class Pictures(Files):
    """Image files as uint8 [h, w, 3], RGB."""

    suffixes: ClassVar[frozenset[str]] = SUFFIXES
    types: ClassVar[str] = "image/"
    noun: ClassVar[str] = "pictures"

    @staticmethod
    def decode(place: Place) -> NDArray[np.uint8]:
        """As the function decode does."""
        return decode(place)


def open_pictures(folder: Path) -> Pictures:
    """Real pictures of a corpus or of any folder; see Files.open.

    Raises:
        UsageError: there is no picture in it.
    """
    return Pictures.open(folder)


def decode(file: Path | Place) -> NDArray[np.uint8]:
    """An upright RGB picture, uint8 [h, w, 3], decoded as a scan would.

    Raises:
        InputTrouble: it cannot be read, not all of it is there, or it is over the default limits.
    """
    try:
        data = file.read() if isinstance(file, Place) else file.read_bytes()
    except OSError as error:
        raise InputTrouble(Reason.NOT_FOUND, str(error)) from error
    limits, kind = Limits(), sniff(data)
    picture = image.decode(data, kind, image.read_header(data, kind, limits), limits)
    if picture.truncated:
        raise InputTrouble(Reason.TRUNCATED)
    return np.ascontiguousarray(picture.pixels)


def crop(
    media: NDArray[np.uint8], height: int, width: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A random window in native pixels, uint8 [height, width, 3], with its (x, y)."""
    y = int(rng.integers(media.shape[0] - height + 1))
    x = int(rng.integers(media.shape[1] - width + 1))
    return media[y : y + height, x : x + width], (x, y)


def crop_origin(origin: str, height: int, width: int, x: int, y: int) -> str:
    """The origin of a crop: `…#crop=WxH+X+Y`, or `…;then-crop=…` where a crop is cut again."""
    return f"{origin}{';then-' if '#' in origin else '#'}crop={width}x{height}+{x}+{y}"


class Crops:
    """An endless stream of random training crops, whose state can be saved and restored."""

    def __init__(
        self, data: Data, side: int, seed: int, *, whole: bool = False, mirror: bool = True
    ) -> None:
        """`whole` scales a picture's short side to `side` first; else crops are native."""
        self._mirror = mirror
        self._data = data
        self._side = side
        self._whole = whole
        self.rng = np.random.default_rng(np.random.SeedSequence(seed))

    def batch(self, n: int) -> NDArray[np.uint8]:
        """Draw n crops, half of them mirrored (with `mirror`): uint8 [n, 3, side, side]."""
        return np.stack([self._one() for _ in range(n)]).transpose(0, 3, 1, 2).copy()

    def _one(self) -> NDArray[np.uint8]:
        for _ in range(1000):
            try:
                media = self._data[int(self.rng.integers(len(self._data)))].media
            except InputTrouble:
                continue
            if self._whole:
                media = shrink(media, self._side)
            if min(media.shape[:2]) >= self._side:
                window, _ = crop(media, self._side, self._side, self.rng)
                mirrored = self._mirror and self.rng.random() < 0.5
                return window[:, ::-1] if mirrored else window
        raise UsageError(f"no picture with a short side of {self._side} px that can be read")


def shrink(media: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The whole picture with its short side scaled down to `side` (never up)."""
    scale = side / min(media.shape[:2])
    if scale >= 1:
        return media
    size = (max(side, round(media.shape[1] * scale)), max(side, round(media.shape[0] * scale)))
    return np.asarray(Image.fromarray(media).resize(size, Image.Resampling.LANCZOS))


def example_pictures(side: int, n: int = 8) -> list[Item]:
    """Small drawn pictures (gradients, discs, grain) for tests and demos: no file is needed."""
    items = []
    grid = np.mgrid[0:side, 0:side].astype(np.float64) / side
    for k in range(n):
        rng = item_rng(0, k)
        picture = np.einsum("ihw,ic->hwc", grid, rng.uniform(-1, 1, (2, 3))) + rng.uniform(0, 1, 3)
        for _ in range(6):
            centre, radius = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.3)
            inside = ((grid - centre[:, None, None]) ** 2).sum(0) < radius**2
            picture[inside] = rng.uniform(0, 1, 3)
        picture += rng.normal(0, 0.02, picture.shape)
        media = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
        items.append(Item(media=media, key=k, pair=f"example-{k}", source="drawn", licence="CC0"))
    return items
