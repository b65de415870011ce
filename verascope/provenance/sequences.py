"""Which of many sequences of 32-bit words are, at some alignment, nearly the one that is asked for.

For Chromaprint's words: a copy has some of them bit for bit, so only alignments at which a word is
shared, or shared but for one bit, are looked at. The distance is the share of bits that differ over
what two sequences have in common there ("A Highly Robust Audio Fingerprinting System", Haitsma &
Kalker, 2002), told of 256 bits, as for pictures.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.provenance.hamming import Near

BITS = 256  # that a distance is of
LEAST_WORDS = 16  # in common: two seconds, after the 2.7 s of the first word
LEAST_SHARE = 0.5  # of the shorter sequence
PROBES = 2000  # words of a long sequence that are looked up
COMMON = 500  # a word in more places says nothing: silence, a tone
ALIGNMENTS = 2000  # looked at, those with the most shared words first
NEIGHBOURS = np.array([0, *(1 << bit for bit in range(32))], np.uint32)
BITS_OF_HALF = np.array([half.bit_count() for half in range(1 << 16)], np.uint8)

Words = NDArray[np.uint32]


class Sequences:
    """Sorted words of many sequences; about 16 bytes for each, so 130 for a second of sound.

    Args:
        blobs: the sequences, little-endian uint32 each.
    """

    def __init__(self, blobs: Sequence[bytes]) -> None:
        lengths = np.array([len(blob) // 4 for blob in blobs], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._words = np.frombuffer(b"".join(blobs), "<u4").astype(np.uint32)
        self._order = np.argsort(self._words, kind="stable")
        self._sorted = self._words[self._order]

    def near(self, wanted: bytes, distance: int) -> list[Near]:
        """All sequences at most so far away, the nearest first.

        Args:
            wanted: little-endian uint32 words.
            distance: bits of 256.
        """
        asked = np.frombuffer(wanted, "<u4").astype(np.uint32)
        best: dict[int, int] = {}
        for row, shift in self._alignments(asked):
            found = self._distance(row, shift, asked)
            if found is not None and found <= distance:
                best[row] = min(found, best.get(row, found))
        return sorted(
            (Near(row, found) for row, found in best.items()),
            key=lambda near: (near.distance, near.row),
        )

    def _alignments(self, asked: Words) -> list[tuple[int, int]]:
        """(row, place of the asked-for's first word in it), the likeliest first."""
        places = np.arange(0, len(asked), max(1, -(-len(asked) // PROBES)))
        probes = (asked[places, None] ^ NEIGHBOURS).ravel()
        lefts = np.searchsorted(self._sorted, probes, "left")
        counts = np.searchsorted(self._sorted, probes, "right") - lefts
        told = np.flatnonzero((counts > 0) & (counts <= COMMON))
        of = np.repeat(told, counts[told])
        within = np.arange(len(of)) - np.repeat(
            np.cumsum(counts[told]) - counts[told], counts[told]
        )
        there = self._order[lefts[of] + within]
        rows = np.searchsorted(self._starts, there, "right") - 1
        shifts = there - self._starts[rows] - places[of // len(NEIGHBOURS)]
        pairs, shared = np.unique(np.stack([rows, shifts], 1), axis=0, return_counts=True)
        likeliest = np.argsort(-shared, kind="stable")[:ALIGNMENTS]
        return [(int(row), int(shift)) for row, shift in pairs[likeliest]]

    def _distance(self, row: int, shift: int, asked: Words) -> int | None:
        """Bits of 256 that differ where the two overlap; None where that is too little."""
        kept = self._words[self._starts[row] : self._starts[row + 1]]
        first, last = max(0, shift), min(len(kept), shift + len(asked))
        if last - first < max(LEAST_WORDS, LEAST_SHARE * min(len(kept), len(asked))):
            return None
        differ = _popcount(kept[first:last] ^ asked[first - shift : last - shift])
        return round(BITS * differ / (32 * (last - first)))


def _popcount(words: Words) -> int:
    if hasattr(np, "bitwise_count"):  # numpy 2
        return int(np.bitwise_count(words).sum(dtype=np.int64))
    return int(BITS_OF_HALF[words.view(np.uint16)].sum(dtype=np.int64))
