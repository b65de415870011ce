"""Interpolated Kneser-Ney n-grams of characters or words (Chen and Goodman 1999, CSL 13:359).

p(w|h) = max(c(hw) − D, 0) / c(h) + D · N₁₊(h·) / c(h) · p(w|h′), where below the highest order c
counts the different tokens before, and D = n₁ / (n₁ + 2 n₂).
"""

from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.text_base import Counted, TextConfig
from verascope.generate.text_sampling import Floats, Ints
from verascope.generate.text_tokens import END, UNKNOWN, WORD, Tokens, characters

BITS = 12  # of a token in a packed n-gram: 4,096 tokens, five of them in 60 bits


class NgramConfig(TextConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of n-grams."""

    order: Annotated[int, Meta(ge=1, le=5)] = 5
    tokens: Literal["characters", "words"] = "characters"
    vocabulary: Annotated[int, Meta(ge=10, le=1 << BITS)] = 4000  # words


class Ngram(Counted):
    """See TextSampler."""

    name: ClassVar[str] = "ngram"
    family: ClassVar[str] = "markov"
    config_type: ClassVar[type[NgramConfig]] = NgramConfig
    card: ClassVar[Card] = Card(
        summary="A Markov chain of characters or words with Kneser-Ney smoothing.",
        papers=("Kneser and Ney 1995", "Chen and Goodman 1999"),
        good_for="The oldest kind of bot, at no cost; a floor for every other language model.",
        traces="Every few characters are from the corpus, and nothing holds over a sentence.",
        limits="It quotes its corpus: the checkpoint holds its tokens. Nothing like an LLM.",
        cost="Seconds for 2 MB of text.",
    )

    @classmethod
    def tiny(cls) -> "Ngram":
        """Trigrams, short samples."""
        return cls(NgramConfig(order=3, characters=60), pick("cpu"))

    def count(self, texts: tuple[str, ...]) -> dict[str, Tensor]:
        """Keep the tokens of all texts behind one another."""
        if self.config.tokens == "words":
            words = Counter[str]()
            for text in texts:
                words.update(WORD.findall(text))
            kept = [word for word, _ in words.most_common(self.config.vocabulary - 2)]
            self.tokens = Tokens(("", "", *kept))
        else:
            self.tokens = characters(texts)
        parts = [part for text in texts for part in ([END], self._encode(text))]
        return {"stream": torch.from_numpy(np.concatenate(parts).astype(np.int32))}

    def take(self, weights: dict[str, Tensor]) -> None:
        """Count the n-grams of every order, packed into sorted integers."""
        stream = weights["stream"].numpy().astype(np.int64)
        order = self.config.order
        padded = np.concatenate([np.full(order - 1, END, np.int64), stream])
        windows = np.lib.stride_tricks.sliding_window_view(padded, order)
        grams, counts = np.unique(_packed(windows), return_counts=True)
        self._orders = [(grams, counts)]
        for size in range(order - 1, 0, -1):
            shorter = self._orders[0][0] & ((1 << BITS * size) - 1)
            self._orders.insert(0, np.unique(shorter, return_counts=True))

    def begin(self, n: int) -> Any:
        """The tokens before, [n, order − 1]."""
        return np.full((n, self.config.order - 1), END, np.int64)

    def scores(self, last: Ints, state: Any) -> tuple[Floats, Any]:
        """See TextSampler."""
        state = np.concatenate([state, last[:, None]], 1)[:, 1:]
        return np.log(np.maximum(np.stack([self.chances(c) for c in state]), 1e-300)), state

    def chances(self, context: Ints) -> Floats:
        """p(·|context), float64 [v]."""
        p = np.full(len(self.tokens.pieces), 1 / len(self.tokens.pieces))
        for size, (grams, counts) in enumerate(self._orders, 1):
            before = _packed(context[len(context) - size + 1 :][None])[0] << BITS
            low, high = np.searchsorted(grams, (before, before + (1 << BITS)))
            if low == high:
                break
            once, twice = (counts == 1).sum(), (counts == 2).sum()
            discount = once / max(once + 2 * twice, 1)
            total = counts[low:high].sum()
            p = p * (discount * (high - low) / total)
            p[grams[low:high] - before] += (counts[low:high] - discount) / total
        return p

    def bits(self, text: str) -> float:
        """See NextToken.bits."""
        tokens = self._encode(text)
        padded = np.concatenate([np.full(max(self.config.order - 1, 1), END, np.int64), tokens])
        total = 21.0 * float((tokens == UNKNOWN).sum())
        reach = self.config.order - 1
        for at, token in enumerate(tokens, len(padded) - len(tokens)):
            total -= float(np.log2(self.chances(padded[at - reach : at])[token]))
        return total

    def _encode(self, text: str) -> Ints:
        if self.config.tokens == "characters":
            return self.tokens.encode(text)
        place = {word: k for k, word in enumerate(self.tokens.pieces) if k > UNKNOWN}
        return np.array([place.get(word, UNKNOWN) for word in WORD.findall(text)], np.int64)


def _packed(grams: Ints) -> Ints:
    """Rows of tokens [n, k] as one integer each."""
    packed = np.zeros(len(grams), np.int64)
    for column in grams.T:
        packed = (packed << BITS) | column
    return packed
