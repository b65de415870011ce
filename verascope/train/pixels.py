"""Corpus files to pixels, kept decoded in memory as far as a bound allows."""

import hashlib
import io
from threading import Lock

import numpy as np
from PIL import Image, ImageOps

from verascope.errors import UsageError
from verascope.train.corpora import Item
from verascope.train.degrade import Pixels

DEFAULT_BYTES = 6_000_000_000  # of decoded pixels; the shared image corpus takes 1.3 GB


def load(item: Item) -> Pixels:
    """An item's pixels, upright: uint8 [h, w, 3], RGB.

    Raises:
        UsageError: the file is missing, broken, or not the one that the manifest names.
    """
    try:
        data = item.file.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    except (OSError, Image.DecompressionBombError) as error:
        raise UsageError(f"{item.file}: {error}; mend the corpus or take its row out") from error
    if item.row.sha256 and hashlib.sha256(data).hexdigest() != item.row.sha256:
        raise UsageError(f"{item.file} is not the file that its manifest names by its sha256")
    return pixels


class PixelStore:
    """Items' pixels by position; decodes at first use and keeps what fits. Threads may share it."""

    def __init__(self, items: list[Item], max_bytes: int = DEFAULT_BYTES) -> None:
        self.items = items
        self._room = max_bytes
        self._kept: dict[int, Pixels] = {}
        self._lock = Lock()

    def __getitem__(self, index: int) -> Pixels:
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        pixels = load(self.items[index])
        with self._lock:
            if index not in self._kept and pixels.nbytes <= self._room:
                self._kept[index] = pixels
                self._room -= pixels.nbytes
        return pixels
