"""Vocoders drawn from a seed: many small configurations, each with traces of its own.

Families take turns; within one, what shapes the traces is drawn: frame, hop, bands, rates, codes,
steps.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from verascope.errors import UsageError
from verascope.generate.contract import item_rng
from verascope.generate.flow_vocoder import FlowVocoder, FlowVocoderConfig
from verascope.generate.hifigan import Hifigan, HifiganConfig
from verascope.generate.token_lm import TokenLm, TokenLmConfig
from verascope.generate.vocos import Vocos, VocosConfig
from verascope.generate.vq_codec import VqCodec, VqCodecConfig

Drawn: TypeAlias = Vocos | Hifigan | VqCodec | TokenLm | FlowVocoder
FAMILIES: tuple[str, ...] = ("vocos", "hifigan", "vq-codec", "token-lm", "flow-vocoder")
FRAMES = ((512, 128), (1024, 256), (800, 200), (1024, 192))  # size and hop, samples
UP = {128: (8, 4, 4), 192: (8, 8, 3), 200: (5, 5, 8), 256: (8, 8, 4)}  # rates that make a hop
DOWN = ((4, 5, 8), (4, 4, 8), (2, 4, 5, 4), (4, 5, 10))  # of codecs


def drawn(seed: int, k: int, again: int = 0, families: Sequence[str] = FAMILIES) -> Drawn:
    """Vocoder k of a seed, without weights; families take turns.

    Args:
        seed: of the mixture.
        k: its place, from 0 on.
        again: counts the draws for a place whose earlier vocoders were not good.
        families: those to draw from; a subset of FAMILIES.

    Raises:
        UsageError: a family is not known here.
    """
    check(families)
    rng = item_rng(seed, k, again) if again else item_rng(seed, k)
    name = families[k % len(families)]
    if name in ("vq-codec", "token-lm"):
        return _codec(name, rng)
    size, hop = _one_of(rng, *FRAMES)
    common = {
        "size": size,
        "hop": hop,
        "mels": _one_of(rng, 64, 80, 100),
        "high_hz": _one_of(rng, 7000.0, 8000.0),
    }
    if name == "vocos":
        more = {"width": _one_of(rng, 96, 128, 160), "depth": _one_of(rng, 3, 4, 6)}
        return Vocos(VocosConfig(**common, **more, adversarial=_one_of(rng, 0.0, 0.1, 0.2)))
    if name == "hifigan":
        kernels, width = _one_of(rng, (3, 7), (3, 5), (7,)), _one_of(rng, 64, 96)
        return Hifigan(HifiganConfig(**common, rates=UP[hop], kernels=kernels, width=width))
    more = {"width": _one_of(rng, 128, 192), "euler": _one_of(rng, 2, 4, 8, 16)}
    return FlowVocoder(FlowVocoderConfig(**common, **more, depth=_one_of(rng, 4, 6)))


def check(families: Sequence[str]) -> None:
    """Refuse what cannot be drawn.

    Raises:
        UsageError: a family is not one of FAMILIES, or there is none.
    """
    unknown = [name for name in families if name not in FAMILIES]
    if unknown or not families:
        found = ", ".join(map(repr, unknown)) or "none"
        raise UsageError(f"families are drawn from {', '.join(FAMILIES)}, not {found}")


def _codec(name: str, rng: np.random.Generator) -> VqCodec | TokenLm:
    codec = {
        "rates": _one_of(rng, *DOWN),
        "width": _one_of(rng, 16, 24),
        "codes": _one_of(rng, 128, 256, 512),
        "books": _one_of(rng, 3, 4, 6),
    }
    if name == "vq-codec":
        return VqCodec(VqCodecConfig(**codec))
    return TokenLm(
        TokenLmConfig(
            **codec,
            hidden=_one_of(rng, 128, 192),
            future=_one_of(rng, True, True, False),
            span=_one_of(rng, 4, 8, 16),
            kept_books=_one_of(rng, 0, 0, 1),
        )
    )


def _one_of(rng: np.random.Generator, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]
