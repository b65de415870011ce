"""Which of many 256-bit fingerprints differ from one in at most 31 bits: exact, and no full pass.

Cut both into 16 parts of 16 bits. If 31 bits differ at most, some part differs in one bit at most
(16 parts with two each would be 32): so it is enough to look at those that share a part, or a part
with one bit changed ("Fast Exact Search in Hamming Space with Multi-Index Hashing", Norouzi et al.,
2014). A part of a million fingerprints has 15 that share it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint8]

BYTES = 32
PARTS = 16
MAX_DISTANCE = 2 * PARTS - 1
# A part as it is, and with each of its bits changed.
NEIGHBOURS = np.array([0, *(1 << bit for bit in range(16))], np.uint16)
BITS_OF_BYTE = np.array([byte.bit_count() for byte in range(256)], np.uint8)


class Near(NamedTuple):
    """A fingerprint that was found: its row, and in how many bits it differs."""

    row: int
    distance: int


class Index:
    """Sorted parts of fingerprints; about 130 bytes for each.

    Args:
        hashes: uint8 [n, 32].
    """

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = np.ascontiguousarray(hashes)
        parts = self._hashes.view(np.uint16)
        orders = [np.argsort(parts[:, part], kind="stable") for part in range(PARTS)]
        self._order = [order.astype(np.uint32) for order in orders]
        self._sorted = [parts[order, part] for part, order in enumerate(orders)]

    def near(self, wanted: bytes, distance: int = MAX_DISTANCE) -> list[Near]:
        """All fingerprints at most so far away, the nearest first.

        Args:
            wanted: 32 bytes.
            distance: bits, at most MAX_DISTANCE.
        """
        if not 0 <= distance <= MAX_DISTANCE:
            raise ValueError(f"a distance of {distance} is not within 0 to {MAX_DISTANCE}")
        asked = np.frombuffer(wanted, np.uint8)
        rows = self._candidates(asked)
        differ = popcount(self._hashes[rows] ^ asked)
        close = np.flatnonzero(differ <= distance)
        found = [Near(int(rows[each]), int(differ[each])) for each in close]
        return sorted(found, key=lambda near: (near.distance, near.row))

    def _candidates(self, asked: Hashes) -> NDArray[np.uint32]:
        """The rows that share a part with what is asked for, but for one bit."""
        rows = [np.empty(0, np.uint32)]
        for part, value in enumerate(asked.view(np.uint16)):
            probes = value ^ NEIGHBOURS
            starts = np.searchsorted(self._sorted[part], probes, "left")
            ends = np.searchsorted(self._sorted[part], probes, "right")
            order = self._order[part]
            rows += [order[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.unique(np.concatenate(rows))


def of_blobs(blobs: Sequence[bytes]) -> Index:
    """An index of fingerprints of 32 bytes each."""
    return Index(np.frombuffer(b"".join(blobs), np.uint8).reshape(-1, BYTES))


def popcount(differences: Hashes) -> NDArray[Any]:
    """The set bits in each row of uint8 [n, 32]."""
    if hasattr(np, "bitwise_count"):  # numpy 2
        words = np.ascontiguousarray(differences).view(np.uint64)
        return np.asarray(np.bitwise_count(words).sum(axis=1, dtype=np.uint16))
    return np.asarray(BITS_OF_BYTE[differences].sum(axis=1, dtype=np.uint16))
