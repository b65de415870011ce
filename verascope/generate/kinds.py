"""Two kinds of pictures in one folder, for generators that learn to turn one into the other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import Data
from verascope.generate.data import Crops, Listed, Pictures
from verascope.generate.loop import Batches


class TwoKinds(Batches):
    """Crops of both kinds side by side, from one random state: uint8 [n, 6, size, size]."""

    def __init__(self, kinds: Sequence[Data], side: int, seed: int, *, whole: bool) -> None:
        """As data.Crops, for each kind."""
        self._crops = [Crops(data, side, seed, whole=whole) for data in kinds]
        self.rng = self._crops[0].rng
        self._crops[1].rng = self.rng

    def batch(self, n: int) -> NDArray[np.uint8]:
        """N crops of each."""
        return np.concatenate([crops.batch(n) for crops in self._crops], 1)


def two_kinds(data: Data, first: str, second: str) -> tuple[Data, Data]:
    """The pictures of two sources.

    Raises:
        UsageError: the data has no such sources, or none is named and it has not exactly two.
    """
    sources = _sources(data)
    names = [first, second] if first and second else sorted(set(sources) - {""})
    if len(names) != 2 or not set(names) <= set(sources):
        found = ", ".join(sorted(set(sources) - {""}))
        raise UsageError(
            "a CycleGAN learns from two kinds of pictures: give a folder with two subfolders, or"
            f" name two of them as `first` and `second` in its config (there are: {found})"
        )
    a, b = ([k for k, source in enumerate(sources) if source == name] for name in names)
    return _part(data, a), _part(data, b)


def _sources(data: Data) -> list[str]:
    """The source of each item; "" where one cannot be read."""
    if isinstance(data, Pictures):
        return [row.source for row in data.rows]
    found = []
    for k in range(len(data)):
        try:
            found.append(data[k].source)
        except InputTrouble:
            found.append("")
    return found


def _part(data: Data, places: Sequence[int]) -> Data:
    if isinstance(data, Pictures):
        return data.at(places)
    return Listed([data[k] for k in places])
