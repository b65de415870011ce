"""A watermark as a hook of text_sampling, from a key file, for every family of texts.

KGW (Kirchenbauer et al. 2023, arXiv 2301.10226): `delta` is added to the logits of green tokens.
SynthID-Text (Dathathri et al. 2024, Nature 634): a tournament, as the update of the chances layer
by layer that it amounts to: p ← p · (1 + g − Σ p g).
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.generate.text_sampling import Floats, Hook, Ints

KEYED = "verascope.provenance.text_watermark"


class Greens(NamedTuple):
    """KGW; `greens` says which tokens are green after contexts [n, h]: bool [n, v]."""

    greens: Callable[[Ints, int], NDArray[np.bool_]]
    delta: float
    context: int

    def logits(self, contexts: Ints, logits: Floats) -> Floats:
        """With delta on the green ones."""
        return np.asarray(logits + self.delta * self.greens(contexts, logits.shape[1]))

    def probabilities(self, contexts: Ints, tokens: Ints, chances: Floats) -> Floats:
        """As they are."""
        return chances


class Tournament(NamedTuple):
    """SynthID; `values` are g of contexts [n, h] and tokens [n, k]: uint8 [n, k, m]."""

    values: Callable[[Ints, Ints], NDArray[np.uint8]]
    context: int

    def logits(self, contexts: Ints, logits: Floats) -> Floats:
        """As they are."""
        return logits

    def probabilities(self, contexts: Ints, tokens: Ints, chances: Floats) -> Floats:
        """After the tournament of every layer."""
        for g in np.moveaxis(self.values(contexts, tokens), 2, 0):
            chances = chances * (1 + g - (chances * g).sum(1, keepdims=True))
        return chances


def hook_of(key: str) -> Hook | None:
    """The watermark of a key file; None without one.

    Raises:
        UsageError: the key cannot be read, or this installation has no keyed functions.
    """
    if not key:
        return None
    try:
        keyed: Any = import_module(KEYED)
    except ModuleNotFoundError as error:
        raise UsageError("this version of Verascope has no watermark of texts") from error
    read = keyed.load_key(Path(key))
    if "kgw" in str(read.scheme):
        return Greens(lambda c, v: keyed.greens(read, c, v), read.delta, read.context)
    return Tournament(lambda c, t: keyed.tournament(read, c, t), read.context)
