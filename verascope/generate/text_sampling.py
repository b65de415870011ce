"""The one place where a family of texts chooses its next token: temperature, top-k, watermarks.

Top-k: Fan et al. 2018, arXiv 1805.04833. A watermark is a hook that sees context and scores; its
keyed functions stand in verascope.provenance.
"""

from collections.abc import Sequence
from typing import Annotated, Protocol

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from verascope.generate.contract import Config

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Sampling(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How tokens are drawn; part of every family's options."""

    temperature: Annotated[float, Meta(gt=0)] = 0.8
    top_k: Annotated[int, Meta(ge=1)] = 40


class Hook(Protocol):
    """A watermark."""

    @property
    def context(self) -> int:
        """Tokens before a choice that it looks at."""

    def logits(self, contexts: Ints, logits: Floats) -> Floats:
        """Scores [n, v] as they shall be, by the contexts [n, context]."""

    def probabilities(self, contexts: Ints, tokens: Ints, chances: Floats) -> Floats:
        """Chances [n, k] of candidate tokens [n, k] as they shall be."""


def choose(
    logits: Floats,
    contexts: Ints,
    rngs: Sequence[np.random.Generator],
    sampling: Sampling,
    hook: Hook | None = None,
    fresh: NDArray[np.bool_] | None = None,
) -> Ints:
    """The next token of each of n texts, int64 [n]; each draws from its own random numbers.

    Args:
        logits: float64 [n, v]; −inf for what must not come.
        contexts: int64 [n, h], the tokens before, the latest last.
        rngs: one a text, so that a text is the same whatever stands beside it.
        sampling: temperature and top-k.
        hook: a watermark.
        fresh: bool [n], where the watermark is written; everywhere if left out.
    """
    logits = np.asarray(logits, np.float64)
    marked = np.ones(len(logits), bool)[:, None] if fresh is None else fresh[:, None]
    if hook is not None:
        logits = np.where(marked, hook.logits(contexts[:, -hook.context :], logits), logits)
    k = min(sampling.top_k, logits.shape[1])
    tokens = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(logits, tokens, 1) / sampling.temperature
    chances = np.exp(best - best[:, :1])
    chances /= chances.sum(1, keepdims=True)
    if hook is not None:
        liked = hook.probabilities(contexts[:, -hook.context :], tokens, chances)
        chances = np.where(marked, liked, chances)
    drawn = np.array([rng.random() for rng in rngs])[:, None]
    place = (np.cumsum(chances, 1) <= drawn * chances.sum(1, keepdims=True)).sum(1)
    place = np.minimum(place, (chances > 0).sum(1) - 1)
    return np.take_along_axis(tokens, place[:, None], 1)[:, 0]
