"""Text: its characters, cleaned and scrubbed; passages of prose in a language that is covered."""

from collections.abc import Sequence
from typing import NamedTuple

from verascope.detect.contract import Detector, Windows
from verascope.detect.language import Language, is_installed, language
from verascope.detect.text_windows import MIN_CHARACTERS, Prose, scrub
from verascope.errors import InputTrouble
from verascope.media.clean_text import clean
from verascope.media.read_text import read_text
from verascope.modality.base import Decoded, Look, Source
from verascope.provenance.fingerprint import Fingerprint
from verascope.provenance.mark import Mark
from verascope.provenance.text_marks import undone
from verascope.provenance.watermark_key import WatermarkKey
from verascope.result import Reason, Warn

# Of prose, in shares of its characters without spaces. Lists of numbers, code, ciphers and one long
# word are no prose; all but 1 in 500 of people's texts in the shared corpora are.
LEAST_LETTERS = 0.55
LEAST_DIFFERENT = 30  # characters of different words: one word again and again says nothing
LEAST_WORDS = 8
LONGEST_WORDS = 20.0  # characters, on average


class TextMedium(NamedTuple):
    """A text as it is judged, and the language it is in."""

    prose: Prose
    language: Language


class Text:
    """A Method; a medium is a TextMedium, and its size the number of its characters."""

    def look(self, source: Source) -> Look:
        """Nothing: a text has no header. That it can be judged at all is told here."""
        if not is_installed():
            detail = "judging text needs an extra: pip install 'verascope[text]'"
            raise InputTrouble(Reason.UNSUPPORTED_TYPE, detail)
        return Look({}, (), None, None)

    def too_small(self, size: int, least: int) -> InputTrouble:
        """By its length."""
        detail = f"{size} characters of text, {least} are needed"
        return InputTrouble(Reason.TOO_SHORT, detail)

    def decode(self, source: Source, header: None) -> Decoded:
        """All of it."""
        text = read_text(source.data, source.media_type.name, source.text.encoding)
        return self.medium(text, source.key)

    def medium(self, text: str, key: WatermarkKey | None = None) -> Decoded:
        """The same of a text that is characters already; with the key of a watermark."""
        cleaned = clean(text)
        prose = scrub(cleaned.text, cleaned.origins)
        found = language(prose.text)
        facts = {
            "characters": len(prose.text),
            "language": found.code,
            "marks": (*undone(cleaned.changes), *_keyed(cleaned.text, key)),
        }
        return Decoded(TextMedium(prose, found), facts, ())

    def check(self, medium: TextMedium) -> None:
        """Whether it is long enough, prose, and English."""
        text = medium.prose.text
        if len(text) < MIN_CHARACTERS:
            raise self.too_small(len(text), MIN_CHARACTERS)
        if (different := sum(map(len, set(text.split())))) < LEAST_DIFFERENT:
            detail = (
                f"its different words have {different} characters, {LEAST_DIFFERENT} are needed"
            )
            raise InputTrouble(Reason.TOO_SHORT, detail)
        if (why := _not_prose(text)) is not None:
            raise InputTrouble(Reason.NOT_PROSE, why)
        if not medium.language.covered:
            english = f"{100 * medium.language.english:.0f} % for English, which alone is judged"
            detail = f"it is taken for {medium.language.code or 'no language'} ({english})"
            raise InputTrouble(Reason.LANGUAGE_NOT_COVERED, detail)

    def cut(self, detector: Detector, medium: TextMedium) -> Windows:
        """As the detector cuts them."""
        return detector.windows(medium.prose.array())

    def remarks(self, windows: Sequence[Windows]) -> tuple[Warn, ...]:
        """Whether passages of a long text were left out."""
        return (Warn.SAMPLED,) if any(map(_sampled, windows)) else ()

    def fingerprint(self, medium: TextMedium) -> Fingerprint | None:
        """There is none of texts."""
        return None

    def watermarks(self, medium: TextMedium) -> tuple[Mark, ...]:
        """None whose words are known; one with a key is looked for while decoding."""
        return ()


def _keyed(text: str, key: WatermarkKey | None) -> tuple[Mark, ...]:
    """What the key of a watermark shows in a text, if there is one."""
    if key is None:
        return ()
    from verascope.provenance.text_watermark import check, mark

    return (mark(check(text, key), key),)


def _not_prose(text: str) -> str | None:
    """Why a text is no prose, None if it is."""
    words = text.split()
    shown = sum(map(len, words))
    letters = sum(map(str.isalpha, text))
    if letters < LEAST_LETTERS * shown:
        return f"{round(100 * letters / max(shown, 1))} % of it are letters"
    if text.isascii() and (len(words) < LEAST_WORDS or shown > LONGEST_WORDS * len(words)):
        return f"{len(words)} words in {len(text)} characters"
    return None


def _sampled(windows: Windows) -> bool:
    """Whether there is a gap between two passages that is more than white space and marks."""
    gaps = windows.places[1:, 0] - windows.places[:-1, 1]
    return bool((gaps > MIN_CHARACTERS).any())
