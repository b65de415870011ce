"""A watermark as a hook of text_sampling, from a key file, for every family of texts.

KGW (Kirchenbauer et al. 2023, arXiv 2301.10226): `delta` is added to the logits of green tokens.
SynthID-Text (Dathathri et al. 2024, Nature 634): a tournament, as the update of the chances layer
by layer that it amounts to: p ← p · (1 + g − Σ p g).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from verascope.errors import UsageError
from verascope.generate.text_sampling import Floats, Hook, Ints
from verascope.provenance.text_watermark import greens, tournament
from verascope.provenance.watermark_key import WatermarkKey, load_key


class Greens(NamedTuple):
    """KGW.

    Attributes:
        key: the key.
        points: int64 [v], the code point of each token of the vocabulary.
    """

    key: WatermarkKey
    points: Ints

    @property
    def context(self) -> int:
        """See Hook."""
        return self.key.context

    def logits(self, contexts: Ints, logits: Floats) -> Floats:
        """With delta on the green ones."""
        after = np.broadcast_to(self.points, logits.shape)
        return np.asarray(logits + self.key.delta * greens(self.key, self.points[contexts], after))

    def probabilities(self, contexts: Ints, tokens: Ints, chances: Floats) -> Floats:
        """As they are."""
        return chances


class Tournament(NamedTuple):
    """SynthID; see Greens."""

    key: WatermarkKey
    points: Ints

    @property
    def context(self) -> int:
        """See Hook."""
        return self.key.context

    def logits(self, contexts: Ints, logits: Floats) -> Floats:
        """As they are."""
        return logits

    def probabilities(self, contexts: Ints, tokens: Ints, chances: Floats) -> Floats:
        """After the tournament of every layer."""
        values = tournament(self.key, self.points[contexts], self.points[tokens])
        for g in np.moveaxis(values, 2, 0):
            chances = chances * (1 + g - (chances * g).sum(1, keepdims=True))
        return chances


def hook_of(key: str, pieces: Sequence[str]) -> Hook | None:
    """The watermark of a key file; None without one.

    Args:
        key: the file's path, or "".
        pieces: the text of each token; special ones are empty.

    Raises:
        UsageError: the key cannot be read, or tokens are not characters.
    """
    if not key:
        return None
    if max(map(len, pieces)) > 1:
        raise UsageError('keys mark characters: train the family with tokens = "characters"')
    points = np.array([ord(piece) if piece else 0 for piece in pieces], np.int64)
    read = load_key(Path(key))
    return Greens(read, points) if read.scheme == "kgw" else Tournament(read, points)
