"""Corpus files to pixels, as scanning decodes them, kept in memory as far as a bound allows."""

import hashlib
from threading import Lock

import numpy as np

from verascope.errors import InputTrouble, UsageError
from verascope.media.image import decode, read_header
from verascope.media.types import judgeable
from verascope.result import Modality
from verascope.settings import Limits
from verascope.train.corpora import Item
from verascope.train.degrade import Pixels

DEFAULT_BYTES = 6_000_000_000  # of decoded pixels; the shared image corpus takes 1.3 GB


def load(item: Item) -> Pixels:
    """An item's pixels, upright, transparency on white: uint8 [h, w, 3], RGB.

    Raises:
        UsageError: the file is missing, broken, or not the one that the manifest names.
    """
    try:
        data = item.place.read()
    except OSError as error:
        raise _broken(item, error.strerror or str(error)) from error
    if item.row.sha256 and hashlib.sha256(data).hexdigest() != item.row.sha256:
        raise UsageError(f"{item.place} is not the file that its manifest names by its sha256")
    limits = Limits()
    try:
        media_type, _ = judgeable(data, item.row.path, frozenset({Modality.IMAGE}))
        picture = decode(data, media_type, read_header(data, media_type, limits), limits)
    except InputTrouble as trouble:
        raise _broken(item, f"{trouble.reason}: {trouble.detail}") from trouble
    if picture.truncated:
        raise _broken(item, "rows are missing at its end")
    return np.ascontiguousarray(picture.pixels)


def _broken(item: Item, why: str) -> UsageError:
    return UsageError(f"{item.place}: {why}; mend the corpus or take its row out")


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
