"""What a corpus must not do: part its classes by more than the generator's traces."""

from collections.abc import Sequence

from verascope.errors import UsageError
from verascope.generate.contract import Generator, Item, Transformer
from verascope.generate.null import Null
from verascope.generate.spectrum import SelfTest, psnr

MIN_PSNR_DB = 34.0
MAX_SPECTRUM_AUROC = 0.75
MAX_NULL = 0.6
MAX_FINGERPRINTS = 0.25  # of a corpus's generators


class ConfoundedError(UsageError):
    """The two classes of a corpus differ by more than the generator's traces."""


def check_alignment(generator: Generator, test: SelfTest) -> None:
    """Refuse twins that the spectrum gives away.

    Raises:
        ConfoundedError: the self-test of an aligned generator is over the limit.
    """
    if not isinstance(generator, Transformer) or not generator.aligned:
        return
    if test.spectrum_auroc > MAX_SPECTRUM_AUROC:
        raise ConfoundedError(
            f"the twins' spectrum alone tells them from their originals (AUROC"
            f" {test.spectrum_auroc:.2f}, at most {MAX_SPECTRUM_AUROC}): train longer, raise"
            " low_pass_px, or pass --allow-confounds"
        )


def check_fingerprints(kinds: Sequence[str]) -> None:
    """Refuse a mixture in which more than a quarter of the generators make fingerprints.

    Args:
        kinds: of each generator's output; one generator alone is no mixture.

    Raises:
        ConfoundedError: there are too many.
    """
    share = kinds.count("fingerprint") / len(kinds)
    if len(kinds) > 1 and share > MAX_FINGERPRINTS:
        raise ConfoundedError(
            f"{share:.0%} of the generators make fingerprints, at most {MAX_FINGERPRINTS:.0%}:"
            " blur would be a label. Add aligned ones, or pass --allow-confounds"
        )


def check_null(null: Null | None) -> None:
    """Refuse classes that headers part.

    Raises:
        ConfoundedError: the null is over the limit, by more than chance.
    """
    if null is not None and null.above(MAX_NULL):
        feature, alone = null.strongest
        raise ConfoundedError(
            f"headers alone part the two classes: AUROC {null.auroc:.2f}, at most {MAX_NULL}"
            f" ({feature} alone {alone:.2f}). A detector would learn that. The files are written;"
            " pass --allow-confounds to finish the corpus all the same"
        )


def too_poor(pair: tuple[Item, Item], generator: Generator) -> str | None:
    """Why a twin is left out, or None: an aligned one must be near its original."""
    if not isinstance(generator, Transformer) or not generator.aligned:
        return None
    real, made = pair
    poor = psnr(real.media, made.media) < MIN_PSNR_DB
    return f"under {MIN_PSNR_DB:.0f} dB" if poor else None
