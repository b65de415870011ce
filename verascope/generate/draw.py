"""Decoders drawn from a seed: many small architectures, each with a fingerprint of its own.

Of four in a row, three make aligned twins (factor 2 under a low-pass swap) and one plain
fingerprints (factor 4 to 16, continuous or VQ): a quarter, the most that a corpus may hold.
"""

from typing import Any

from verascope.generate.contract import item_rng
from verascope.generate.reconstructor import ReconstructorConfig
from verascope.generate.upsample import UPSAMPLERS

TURN = 4  # every fourth is a fingerprint
# σ of the low-pass swap, px: the first three are drawn; mixture.py goes on to the next where a
# decoder's spectrum still gives its twins away.
CUT_OFFS = (0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0)


def drawn(seed: int, k: int) -> ReconstructorConfig:
    """Decoder k of a seed; the up-samplers take turns within each kind, so that all come up."""
    rng = item_rng(seed, k)

    def one_of(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    fingerprint = k % TURN == TURN - 1
    turn = k // TURN if fingerprint else k - k // TURN
    codes = one_of(0, 0, 256) if fingerprint else 0
    return ReconstructorConfig(
        factor=one_of(4, 8, 16) if fingerprint else 2,
        upsampler=UPSAMPLERS[(turn + seed) % len(UPSAMPLERS)],
        # Norms cost a twin its levels: after 90 steps the loss is 0.22 (group) and 0.24 (batch)
        # instead of 0.12, and after 250 twins are at 25 to 28 dB. So fingerprints alone have one.
        norm=one_of("none", "group", "batch") if fingerprint else "none",
        activation=one_of("silu", "relu", "leaky", "gelu"),
        width=one_of(12, 16, 24),
        latent=one_of(4, 8, 12) if fingerprint else one_of(8, 12, 16),
        codes=codes,
        adversarial=one_of(0.0, 0.1),
        low_pass_px=0.0 if fingerprint else one_of(*CUT_OFFS[:3]),
    )
