"""The null of text: what length and format tell without a word being read."""

import re
from collections.abc import Sequence

import numpy as np

from verascope.train.evaluate import Floats
from verascope.train.text_corpus import TextItem

LENGTH = ("log_length",)
FORMAT = (
    "line_breaks",
    "double_spaces",
    "accounts",
    "links",
    "tags",
    "single_quotes",
    "double_quotes",
    "curly_quotes",
    "beyond_ascii",
    "emoji",
    "first",
    "last",
)
COUNTED = ("\n", "  ", "<USER>", "<URL>", "#", "'", '"')
EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")


def table(items: Sequence[TextItem]) -> Floats:
    """LENGTH and FORMAT of texts as they stand in the corpus: float64 [n, 13]."""
    return np.array([features(item.raw) for item in items])


def features(text: str) -> list[float]:
    """LENGTH and FORMAT of a text; counts are per character."""
    length = max(len(text), 1)
    shown = text.strip() or " "
    return [
        float(np.log(length)),
        *(text.count(word) / length for word in COUNTED),
        sum(text.count(mark) for mark in "‘’“”") / length,
        sum(not character.isascii() for character in text) / length,
        len(EMOJI.findall(text)) / length,
        _class(shown[0]),
        _class(shown[-1]),
    ]


def _class(character: str) -> float:
    """Which kind of character it is, as a number."""
    tests = (str.isupper, str.islower, str.isdigit, ".!?".__contains__, str.isspace)
    return float(next((i for i, test in enumerate(tests) if test(character)), len(tests)))
