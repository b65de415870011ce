"""Decoders drawn from a seed: many small architectures, each with a fingerprint of its own.

Of four in a row, three make aligned twins (any factor, under a low-pass swap whose cut-off grows
with it) and one plain fingerprints (factor 4 to 16, continuous or VQ): a quarter, the most that a
corpus may hold.
"""

from typing import Any, Literal, TypeAlias

from verascope.generate.contract import item_rng
from verascope.generate.reconstructor import ReconstructorConfig
from verascope.generate.upsample import UPSAMPLERS

Factor: TypeAlias = Literal[2, 4, 8, 16]
TURN = 4  # every fourth is a fingerprint
FACTORS: tuple[Factor, ...] = (2, 4, 2, 8, 4, 16)  # of aligned ones, in turn
# σ of the low-pass swap a factor, px: the first three are drawn, so that up-samplers leave about as
# much at every factor; mixture.py goes on where a decoder's twins are not good under the drawn one.
CUT_OFFS = (0.35, 0.425, 0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5)


def drawn(seed: int, k: int, again: int = 0) -> ReconstructorConfig:
    """Decoder k of a seed; up-samplers and factors take turns, so that all come up.

    `again` counts the draws for a place whose earlier decoders were not good.
    """
    rng = item_rng(seed, k, again) if again else item_rng(seed, k)

    def one_of(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    fingerprint = k % TURN == TURN - 1
    turn = k // TURN if fingerprint else k - k // TURN
    factor = one_of(4, 8, 16) if fingerprint else FACTORS[(turn + again) % len(FACTORS)]
    return ReconstructorConfig(
        factor=factor,
        upsampler=UPSAMPLERS[(turn + seed + again) % len(UPSAMPLERS)],
        norm=one_of("none", "group", "batch"),
        activation=one_of("silu", "relu", "leaky", "gelu"),
        width=one_of(12, 16, 24),
        latent=one_of(4, 8, 12) if fingerprint else one_of(8, 12, 16),
        # With 256 codes for everything a twin's colours are too coarse for 34 dB.
        codes=one_of(0, 0, 256) if fingerprint else 0,
        adversarial=one_of(0.0, 0.1),
        low_pass_px=0.0 if fingerprint else cut_off(factor, one_of(*CUT_OFFS[:3])),
    )


def cut_off(factor: int, share: float) -> float:
    """σ of the swap, px, for a share of the factor."""
    return round(factor * share, 2)


def wider(config: ReconstructorConfig) -> list[float]:
    """The cut-offs beyond a config's own, px, ascending: nearer to the original, fainter traces."""
    found = [cut_off(config.factor, share) for share in CUT_OFFS]
    return [px for px in found if px > config.low_pass_px]
