"""Many texts as one array of code points, and the hashes of their n-grams; numpy alone.

An n-gram is known by a 64-bit hash, so that no table of strings is kept (feature hashing:
Weinberger et al. 2009). Trained tables are addressed by these hashes: they must never change.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.media.hashes import FIRST, STEP, Hashes, mixed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class TextBatch:
    """Texts, none of them empty, one after the other.

    Attributes:
        texts: the texts.
        lengths: int64 [n], characters of each.
        starts: int64 [n], where each begins.
        points: uint64 [total], their code points.
        owner: int64 [total], whose each is.
        place: int64 [total], where in its text each is.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.lengths: Ints = np.array([len(text) for text in texts], np.int64)
        data = "".join(texts).encode("utf-32-le", "surrogatepass")
        self.points: Hashes = np.frombuffer(data, "<u4").astype(np.uint64)
        self.starts: Ints = np.cumsum(self.lengths) - self.lengths
        self.owner: Ints = np.repeat(np.arange(len(texts)), self.lengths)
        self.place: Ints = np.arange(len(self.points)) - self.starts[self.owner]
        self._sums: list[Hashes] = []

    def __len__(self) -> int:
        return len(self.texts)

    def grams(self, n: int) -> Hashes:
        """Hash of the n characters that end at each, uint64 [total].

        Of no use where `place` is under n − 1: then it reaches into the text before.
        """
        while len(self._sums) < n:
            back = len(self._sums)
            term = mixed(self.points * STEP + np.uint64(back + 1))
            total = term if back == 0 else self._sums[-1].copy()
            if back:
                total[back:] += term[: len(term) - back]
            self._sums.append(total)
        return mixed(self._sums[n - 1])

    def mean(self, values: Floats) -> Floats:
        """Each text's mean of a number for each character, float64 [n]."""
        means: Floats = np.add.reduceat(values, self.starts) / self.lengths
        return means

    @cached_property
    def words(self) -> "Words":
        """The words of all texts, in lower case, and the marks between them."""
        lower = TextBatch([text.lower() for text in self.texts])
        inside, shown = _classes(lower.points)
        first = lower.place == 0
        begins = shown & (first | ~inside | ~np.append(False, inside[:-1]))
        at = np.flatnonzero(begins)
        if not len(at):
            return Words(np.zeros(0, np.int64), np.zeros(0, np.uint64))
        number = np.cumsum(begins) - 1
        behind = (np.arange(len(number)) - at[np.maximum(number, 0)]).astype(np.uint64)
        terms = mixed(lower.points * STEP + behind)
        terms[~shown | (number < 0)] = 0
        return Words(lower.owner[at], mixed(np.add.reduceat(terms, at)))


class Words(NamedTuple):
    """Words one after the other: whose each is, int64 [m], and its hash, uint64 [m]."""

    owner: Ints
    hashes: Hashes

    def pairs(self) -> "Words":
        """Each two words that follow each other in a text."""
        joined = mixed(self.hashes[:-1] * FIRST + self.hashes[1:])
        inside = self.owner[1:] == self.owner[:-1]
        return Words(self.owner[1:][inside], joined[inside])


def _classes(points: Hashes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which code points are inside words, and which are shown at all, bool [total] each."""
    known, index = np.unique(points, return_inverse=True)
    inside = np.array([(c := chr(int(p))).isalnum() or c in "'_" for p in known], bool)
    shown = np.array([not chr(int(p)).isspace() for p in known], bool)
    return inside[index], shown[index]
