"""Watermarks of generated text that only a key shows: keyed functions, and checks by them.

KGW (Kirchenbauer et al. 2023, arXiv 2301.10226): after each context a keyed share gamma of all
tokens is green, and the generator prefers green ones. SynthID-Text (Dathathri et al. 2024, Nature
634): each token has keyed bits g, layer by layer, and a tournament prefers ones. Repeats prove
nothing: each context with its token counts once.

Keys are ours: those of other programs use hashes of their own, which are not read here. The hash is
fast and keyed, not cryptographic: whoever gathers enough marked text may forge the mark.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.media.hashes import FIRST, STEP, Hashes, mixed
from verascope.provenance.mark import Declared, Mark
from verascope.provenance.watermark_key import WatermarkKey

KIND = "text_watermark"
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SPANS = (25, 50, 100, 200, 400)  # tokens, of windows in which a mark is looked for
LEAST = 10  # distinct tokens, under which nothing can be said
SURE = 3.2e-5  # the chance that unmarked text looks so: z = 4


class Check(Struct, frozen=True, kw_only=True):
    """What a key shows in a text.

    Attributes:
        scheme: of the key.
        tokens: distinct ones that were counted.
        mean: of kgw the share of green tokens, of synthid the weighted mean of g.
        expected: the same in unmarked text.
        z: how many standard deviations the whole text is above that.
        p: the chance that unmarked text is as far, whole or in its best window; corrected for
            the number of windows.
        span: (first, last) of the tokens of the best window, None where the whole text is best.
    """

    scheme: str
    tokens: int
    mean: float
    expected: float
    z: float
    p: float
    span: tuple[int, int] | None = None

    @property
    def found(self) -> bool:
        """Whether the mark is there, as far as anybody can tell."""
        return self.p <= SURE


def greens(key: WatermarkKey, contexts: Ints, tokens: Ints) -> NDArray[np.bool_]:
    """Which tokens [n, k] are green after contexts [n, h], bool [n, k]."""
    drawn = mixed(_seeds(key, contexts)[:, None] ^ (tokens.astype(np.uint64) * FIRST))
    return drawn < np.uint64(min(int(key.gamma * 2**64), 2**64 - 1))


def tournament(key: WatermarkKey, contexts: Ints, tokens: Ints) -> NDArray[np.uint8]:
    """The bits g of tokens [n, k] after contexts [n, h], layer by layer: uint8 [n, k, layers]."""
    drawn = mixed(_seeds(key, contexts)[:, None] ^ (tokens.astype(np.uint64) * FIRST))
    layers = np.arange(1, key.layers + 1, dtype=np.uint64) * STEP
    return (mixed(drawn[:, :, None] ^ layers) & np.uint64(1)).astype(np.uint8)


def _seeds(key: WatermarkKey, contexts: Ints) -> Hashes:
    """One number for each context, uint64 [n]."""
    secret = int(key.key, 16)
    seed = np.full(len(contexts), secret & (2**64 - 1), np.uint64)
    for column in contexts.astype(np.uint64).T:
        seed = mixed((seed ^ column) * STEP + np.uint64(secret >> 64))
    return seed


def check(text: str, key: WatermarkKey) -> Check | None:
    """What a key shows in a text; None where there are too few tokens."""
    tokens = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
    return check_tokens(tokens, key)


def check_tokens(tokens: Ints, key: WatermarkKey) -> Check | None:
    """What a key shows in tokens int64 [n]."""
    if len(tokens) <= key.context + LEAST:
        return None
    pairs = np.lib.stride_tricks.sliding_window_view(tokens, key.context + 1)
    synthid = key.scheme == "synthid"
    _, first = np.unique(pairs[:, :-1] if synthid else pairs, axis=0, return_index=True)
    places = np.sort(first)
    if len(places) < LEAST:
        return None
    contexts, last = pairs[places, :-1], pairs[places, -1:]
    if synthid:
        values = tournament(key, contexts, last)[:, 0] @ _weights(key)
    else:
        values = greens(key, contexts, last)[:, 0].astype(float)
    expected, deviation = _unmarked(key)
    z = _z(float(values.sum()), len(values), expected, deviation)
    whole = _normal_tail(z) if synthid else _binomial_tail(int(values.sum()), len(values), expected)
    p, window = _best_window(values, expected, deviation, None if synthid else key.gamma)
    span = None
    if window is not None and p < whole:
        span = int(places[window[0]]), int(places[window[1] - 1]) + key.context
    return Check(
        scheme=key.scheme,
        tokens=len(values),
        mean=float(values.mean()),
        expected=expected,
        z=z,
        p=min(1.0, 2 * min(whole, p)),
        span=span,
    )


def _best_window(
    values: Floats, expected: float, deviation: float, gamma: float | None
) -> tuple[float, tuple[int, int] | None]:
    """The chance of the best window (WinMax: Kirchenbauer et al. 2024), times their number."""
    sums = np.append(0, np.cumsum(values))
    windows = [length for length in SPANS if length < len(values)]
    number = sum(len(values) - length + 1 for length in windows)
    best, found = 1.0, None
    for length in windows:
        totals = sums[length:] - sums[:-length]
        at = int(totals.argmax())
        z = _z(float(totals[at]), length, expected, deviation)
        p = _normal_tail(z) if gamma is None else _binomial_tail(round(totals[at]), length, gamma)
        if p * number < best:
            best, found = p * number, (at, at + length)
    return best, found


def _z(total: float, count: int, expected: float, deviation: float) -> float:
    return (total - expected * count) / (deviation * math.sqrt(count))


def _normal_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))


def _binomial_tail(hits: int, trials: int, chance: float) -> float:
    """The exact chance of at least so many hits."""
    counts = range(hits, trials + 1)
    logs = np.array([_log_binomial(k, trials, chance) for k in counts])
    return float(min(1.0, np.exp(logs).sum())) if len(logs) else 0.0


def _log_binomial(k: int, n: int, p: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(p) + (n - k) * math.log1p(-p)


def needed(key: WatermarkKey, mean: float) -> int | None:
    """Distinct tokens with this mean that make z = 4; None where the mean is as in any text."""
    expected, deviation = _unmarked(key)
    if mean <= expected:
        return None
    return math.ceil((4 * deviation / (mean - expected)) ** 2)


def mark(found: Check | None, key: WatermarkKey) -> Mark:
    """What a key shows, as a mark: it declares AI where the watermark is there."""
    declared, value = Declared.OTHER, "too few tokens"
    statement = f"It is too short for the watermark of the key ({key.scheme}) to be looked for."
    if found is not None:
        value = f"z {found.z:.1f}, p {found.p:.1e}, {found.tokens} tokens"
        statement = f"The watermark of the key ({key.scheme}) was not found ({value})."
        least = needed(key, found.mean)
        if not found.found and least is not None and least > found.tokens:
            statement += f" With such a share, {least} distinct tokens would be needed to tell."
    if found is not None and found.found:
        declared = Declared.AI
        where = "" if found.span is None else f" in characters {found.span[0]} to {found.span[1]}"
        statement = (
            f"It carries the watermark of the key ({key.scheme}){where}: unmarked text looks so "
            f"with a chance of {found.p:.1e} ({value}). Whoever has the key can write it."
        )
    return Mark(kind=KIND, declared=declared, value=value, statement=statement)


def _unmarked(key: WatermarkKey) -> tuple[float, float]:
    """Mean and deviation of what one token of unmarked text counts."""
    if key.scheme == "synthid":
        return 0.5, float(np.sqrt((_weights(key) ** 2).sum() / 4))
    return key.gamma, math.sqrt(key.gamma * (1 - key.gamma))


def _weights(key: WatermarkKey) -> Floats:
    """Of the layers of a tournament, falling from 10 to 1, their sum 1: float64 [layers]."""
    weights = np.linspace(10, 1, key.layers)
    return np.asarray(weights / weights.sum())
