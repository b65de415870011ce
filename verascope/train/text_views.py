"""How a text is shown to a detector when figures are taken: as it is, or after some wear.

Both classes alike. What hides characters (look-alikes, invisible ones) is no view: it is undone
before anything is judged, and benchmarks/text.py measures what is left of it.
"""

import hashlib
import re
from collections.abc import Callable

import numpy as np

HEADLINE = "clean"
TYPOS = 0.03  # of the letters
_WORD = re.compile(r"[A-Za-z]")


def typos(text: str) -> str:
    """With some letters dropped, doubled or swapped with the next; the same for the same text."""
    seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    letters = list(text)
    for at in np.flatnonzero(rng.random(len(letters)) < TYPOS):
        if not _WORD.match(letters[at]):
            continue
        kind = rng.integers(3)
        if kind == 0:
            letters[at] = ""
        elif kind == 1:
            letters[at] *= 2
        elif at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def without_marks(text: str) -> str:
    """Without punctuation."""
    return re.sub(r"[^\w\s<>]", "", text)


VIEWS: dict[str, Callable[[str], str]] = {
    HEADLINE: str,
    "lower": str.lower,
    "no-marks": without_marks,
    "typos": typos,
}
DESCRIPTIONS = {
    HEADLINE: "the text as it is, cleaned and scrubbed",
    "lower": "in lower case",
    "no-marks": "without punctuation",
    "typos": f"{100 * TYPOS:g} % of the letters dropped, doubled or swapped",
}
