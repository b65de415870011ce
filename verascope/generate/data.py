"""Real pictures to train on: a folder of images, or the real train rows of a corpus."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verascope.errors import InputTrouble, UsageError
from verascope.generate import manifest
from verascope.generate.contract import Data, Item, item_rng
from verascope.generate.members import Place, places
from verascope.media import image
from verascope.media.types import sniff
from verascope.result import Reason
from verascope.settings import Limits

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
CACHE_BYTES = 256_000_000
DEV_EVERY = 5  # one source in so many is dev


class Pictures(Data):
    """Image files, each decoded when asked for; the first 256 MB stay decoded."""

    def __init__(
        self, root: Path, rows: Sequence[manifest.Row], sha256: str, where: Mapping[str, Place]
    ) -> None:
        """`where` says for each row's path in which file, or part of a shard, it is."""
        self.root = root
        self._where = where
        self.rows = tuple(rows)
        self._sha256 = sha256
        self._cache: dict[int, NDArray[np.uint8]] = {}
        self._cached_bytes = 0

    @property
    def sha256(self) -> str:
        """Hash over the files' paths and content hashes."""
        return self._sha256

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        row = self.rows[index]
        return Item(
            media=self._pixels(index),
            key=index,
            pair=row.pair or row.sha256[:16],
            source=row.source,
            split=row.split,
            origin=row.origin,
            licence=row.licence,
            kind=row.kind,
        )

    def only(self, split: str) -> "Pictures":
        """The pictures of one split."""
        rows = [row for row in self.rows if row.split == split]
        if len(rows) == len(self.rows):
            return self
        return Pictures(self.root, rows, _digest(rows), self._where)

    def at(self, places: Sequence[int]) -> "Pictures":
        """The pictures at these places."""
        rows = [self.rows[place] for place in places]
        return Pictures(self.root, rows, _digest(rows), self._where)

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        if index not in self._cache:
            pixels = decode(self._where[self.rows[index].path])
            if self._cached_bytes + pixels.nbytes > CACHE_BYTES:
                return pixels
            self._cache[index] = pixels
            self._cached_bytes += pixels.nbytes
        return self._cache[index]


class Listed(Data):
    """Items that are already in memory, such as a generator's examples()."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = list(items)

    @property
    def sha256(self) -> str:
        """Hash over the pixels, in order."""
        digest = hashlib.sha256()
        for item in self._items:
            digest.update(repr(item.media.shape).encode() + item.media.tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Item:
        return self._items[index]


def open_pictures(folder: Path) -> Pictures:
    """Real pictures of a corpus (its manifest's real rows of the train split) or of any folder.

    A corpus keeps its split. A plain folder's sources are its subfolders; one in five of them, by
    a hash of their names, is dev (so every generator trained on that folder leaves out the same
    pictures). With fewer than five all is train.

    Raises:
        UsageError: there is no picture in it.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    listed = folder / manifest.MANIFEST
    if listed.is_file():
        rows = [r for r in manifest.read(listed) if r.label == "real" and r.split == "train"]
    else:
        rows = _split([_row(folder, file) for file in _walk(folder)])
    if not rows:
        raise UsageError(f"{folder} holds no real pictures to train on")
    where = {row.path: place for row, place in zip(rows, places(folder, rows), strict=True)}
    return Pictures(folder, rows, _digest(rows), where)


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


def _walk(folder: Path) -> list[Path]:
    found = []
    for directory, _, files in os.walk(folder):
        found += [Path(directory) / name for name in files if Path(name).suffix.lower() in SUFFIXES]
    return sorted(found)


def _row(folder: Path, file: Path) -> manifest.Row:
    relative = file.relative_to(folder)
    content = file.read_bytes()
    return manifest.Row(
        path=str(relative),
        label="real",
        source=relative.parts[0] if len(relative.parts) > 1 else folder.name,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        origin=f"{folder.name}/{relative}",
    )


def _split(rows: list[manifest.Row]) -> list[manifest.Row]:
    sources = sorted({row.source for row in rows}, key=_place)
    dev = set(sources[: len(sources) // DEV_EVERY])
    return [msgspec.structs.replace(r, split="dev") if r.source in dev else r for r in rows]


def _place(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _digest(rows: Iterable[manifest.Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.path}\0{row.sha256}\0{row.split}\n".encode())
    return digest.hexdigest()
