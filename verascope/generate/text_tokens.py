"""Texts to tokens and back: characters, or byte-pair tokens (Sennrich et al. 2016, 1508.07909).

Token 0 ends a text, token 1 stands for a character that the vocabulary lacks.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

END, UNKNOWN = 0, 1
SPECIAL = 2
MIN_SEEN = 3  # of a character that has a token of its own
WORD = re.compile(r" ?[^\s]+|\s")


class Tokens(Struct, frozen=True):
    """A vocabulary.

    Attributes:
        pieces: the text of each token; empty for the two special ones.
        merges: pairs of pieces that become one, in order; none for characters.
    """

    pieces: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()

    def encode(self, text: str) -> NDArray[np.int64]:
        """Tokens of a text, int64 [n], without an end."""
        place = _places(self)
        found = [place.get(piece, UNKNOWN) for piece in self.split(text)]
        return np.array(found, np.int64)

    def split(self, text: str) -> list[str]:
        """The pieces of a text, in order."""
        if not self.merges:
            return list(text)
        return [piece for word in WORD.findall(text) for piece in _merged(self, word)]

    def decode(self, tokens: Sequence[int] | NDArray[np.int64]) -> str:
        """The text of some tokens."""
        return "".join(self.pieces[int(token)] for token in tokens)


@lru_cache(8)
def _places(tokens: Tokens) -> dict[str, int]:
    return {piece: k for k, piece in enumerate(tokens.pieces) if k >= SPECIAL}


@lru_cache(8)
def _ranks(tokens: Tokens) -> dict[tuple[str, str], int]:
    return {pair: rank for rank, pair in enumerate(tokens.merges)}


@lru_cache(100_000)
def _merged(tokens: Tokens, word: str) -> tuple[str, ...]:
    ranks, pieces = _ranks(tokens), list(word)
    while len(pieces) > 1:
        best = min(itertools.pairwise(pieces), key=lambda p: ranks.get(p, 1 << 30))
        if best not in ranks:
            break
        pieces = _join(pieces, best)
    return tuple(pieces)


def characters(texts: Sequence[str]) -> Tokens:
    """One token for each character that is seen three times or more."""
    counts = Counter[str]()
    for text in texts:
        counts.update(text)
    kept = sorted(c for c, n in counts.items() if n >= MIN_SEEN)
    return Tokens(("", "", *kept))


def byte_pairs(texts: Sequence[str], vocabulary: int) -> Tokens:
    """Characters, and pieces that are merged from them until there are `vocabulary` tokens."""
    base = characters(texts).pieces
    words = Counter[str]()
    for text in texts:
        words.update(WORD.findall(text))
    split = [list(word) for word in words]
    times = list(words.values())
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for k, pieces in enumerate(split):
        for pair in itertools.pairwise(pieces):
            pairs[pair] += times[k]
            where[pair].add(k)
    merges: list[tuple[str, str]] = []
    while pairs and len(base) + len(merges) < vocabulary:
        best = max(pairs, key=lambda p: (pairs[p], p))
        if pairs[best] < MIN_SEEN:
            break
        merges.append(best)
        for k in sorted(where.pop(best)):
            old = split[k]
            for pair in itertools.pairwise(old):
                pairs[pair] -= times[k]
            split[k] = new = _join(old, best)
            for pair in itertools.pairwise(new):
                pairs[pair] += times[k]
                where[pair].add(k)
        pairs = +pairs
    return Tokens((*base, *dict.fromkeys(a + b for a, b in merges)), tuple(merges))


def _join(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    at = 0
    while at < len(pieces):
        if at + 1 < len(pieces) and (pieces[at], pieces[at + 1]) == pair:
            joined.append(pieces[at] + pieces[at + 1])
            at += 2
        else:
            joined.append(pieces[at])
            at += 1
    return joined


def pack(tokens: Tokens) -> NDArray[np.uint8]:
    """A vocabulary as bytes, for a checkpoint."""
    return np.frombuffer(msgspec.json.encode(tokens), np.uint8).copy()


def unpack(content: NDArray[np.uint8]) -> Tokens:
    """The vocabulary of a checkpoint."""
    return msgspec.json.decode(content.tobytes(), type=Tokens)
