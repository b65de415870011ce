"""What a corpus must not do: part its classes by more than the generator's traces."""

from collections.abc import Sequence

from verascope.errors import UsageError
from verascope.generate.contract import Generator, Item, Transformer
from verascope.generate.forms import MIN_PSNR_DB as MIN_PSNR_DB
from verascope.generate.forms import Test, form_of
from verascope.generate.null import Null
from verascope.generate.sound_test import SoundTest
from verascope.generate.spectrum import SelfTest

MAX_SPECTRUM_AUROC = 0.75
MAX_MEL_L1 = 1.0  # mean of a vocoder's twins; LPC has 0.7, noise instead of speech over 2
MAX_NULL = 0.6
MAX_FINGERPRINTS = 0.25  # of a corpus's generators


class ConfoundedError(UsageError):
    """The two classes of a corpus differ by more than the generator's traces."""


def check_alignment(generator: Generator, test: Test) -> None:
    """Refuse pictures' twins that the spectrum gives away, and twins of sound that are not like it.

    A vocoder's spectrum is part of its trace, so for sound its AUROC is told and not held.

    Raises:
        ConfoundedError: the self-test of an aligned generator is over the limit.
    """
    if not isinstance(generator, Transformer) or not generator.aligned:
        return
    if isinstance(test, SoundTest):
        if (test.mel_l1 or 0) > MAX_MEL_L1:
            raise ConfoundedError(
                f"the twins are not like their originals (mel distance {test.mel_l1:.2f}, at most"
                f" {MAX_MEL_L1:.0f}): train longer, or pass --allow-confounds"
            )
        return
    if not isinstance(test, SelfTest):
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
    return form_of(generator.modality).poor(real.media, made.media)
