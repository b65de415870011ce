"""How far made texts stand from real ones: trigrams of characters, and how much is repeated."""

import itertools
import zlib
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.generate.contract import Array
from verascope.generate.spectrum import linear_auroc
from verascope.generate.texts import as_text

BINS = 128  # hashed trigrams


class TextTest(Struct, frozen=True, kw_only=True):
    """A generator's texts against real ones.

    Attributes:
        texts: how many of each.
        trigram_auroc: of a linear model on hashed trigrams, cross-validated; 0.5 = alike.
        trigram_floor: the same between two halves of the real texts.
        distinct: share of different word pairs among all (Li et al. 2016, arXiv 1510.03055).
        distinct_floor: the same of the real texts.
    """

    texts: int
    trigram_auroc: float
    trigram_floor: float
    distinct: float
    distinct_floor: float


def text_test(real: Sequence[Array], made: Sequence[Array]) -> TextTest:
    """Measure made texts against as many real ones (uint32 [n], code points)."""
    half = len(real) // 2
    a, b = (np.stack([trigrams(media) for media in texts]) for texts in (real, made))
    return TextTest(
        texts=len(made),
        trigram_auroc=round(linear_auroc(a, b), 4),
        trigram_floor=round(linear_auroc(a[:half], a[half : 2 * half]), 4),
        distinct=distinct(made),
        distinct_floor=distinct(real),
    )


def trigrams(media: Array) -> NDArray[np.float64]:
    """Shares of hashed trigrams of characters, square roots, float64 [128]."""
    text = as_text(media)
    found = [
        zlib.crc32(text[k : k + 3].encode("utf-8", "replace")) % BINS for k in range(len(text))
    ]
    return np.asarray(np.sqrt(np.bincount(found, minlength=BINS) / max(len(found), 1)))


def distinct(texts: Sequence[Array]) -> float:
    """Different word pairs over all word pairs."""
    words = [as_text(media).split() for media in texts]
    pairs = [pair for each in words for pair in itertools.pairwise(each)]
    return round(len(set(pairs)) / max(len(pairs), 1), 4)
