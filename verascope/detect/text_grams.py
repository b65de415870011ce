"""How often each n-gram of a kind occurs in a text, and a linear model on that.

Sublinear counts, weighed by rarity and of unit length (TF-IDF: Salton and Buckley 1988), in a table
addressed by hash (Weinberger et al. 2009).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.text_batch import Floats, Ints, TextBatch
from verascope.media.hashes import Hashes

CHARACTERS = (2, 3, 4, 5)  # lengths of the n-grams of characters


class Counted(NamedTuple):
    """The n-grams that occur: whose each is and its column, int64 [m]; 1 + log of how often."""

    owner: Ints
    column: Ints
    value: Floats


def characters(batch: TextBatch, bits: int) -> Counted:
    """N-grams of characters, in 2 ** bits columns."""
    owners, hashes = [], []
    for n in CHARACTERS:
        whole = batch.place >= n - 1
        owners.append(batch.owner[whole])
        hashes.append(batch.grams(n)[whole])
    return _counted(np.concatenate(owners), np.concatenate(hashes), bits)


def words(batch: TextBatch, bits: int) -> Counted:
    """Words and pairs of words, in 2 ** bits columns."""
    single, pairs = batch.words, batch.words.pairs()
    owners = np.concatenate((single.owner, pairs.owner))
    return _counted(owners, np.concatenate((single.hashes, pairs.hashes)), bits)


def _counted(owner: Ints, hashes: Hashes, bits: int) -> Counted:
    width = np.uint64(bits)
    keys = (owner.astype(np.uint64) << width) | (hashes >> (np.uint64(64) - width))
    keys.sort()
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else keys
    number = np.diff(np.append(begins, len(keys)))
    kept = keys[begins.astype(np.int64)]
    return Counted(
        (kept >> width).astype(np.int64),
        (kept & np.uint64((1 << bits) - 1)).astype(np.int64),
        1 + np.log(number),
    )


class Linear(NamedTuple):
    """A linear model on n-grams.

    Attributes:
        rarity: float16 [2 ** bits], what a column's count is weighed by.
        weights: float16 [heads, 2 ** bits].
        offsets: float64 [heads].
    """

    rarity: NDArray[np.float16]
    weights: NDArray[np.float16]
    offsets: Floats

    @property
    def bits(self) -> int:
        """Of a column's number."""
        return len(self.rarity).bit_length() - 1

    def __call__(self, counted: Counted, texts: int) -> Floats:
        """Logits, float64 [texts, heads]."""
        value = counted.value * self.rarity[counted.column]
        norm = np.sqrt(np.bincount(counted.owner, value**2, texts))
        logits = np.stack(
            [
                np.bincount(counted.owner, value * head[counted.column], texts)
                for head in self.weights
            ],
            1,
        )
        scored: Floats = logits / np.maximum(norm, 1e-9)[:, None] + self.offsets
        return scored
