"""Undoing what hides letters from who reads code points: look-alikes, invisible characters.

Such characters do not make a text look machine-made or human; they make it look like nothing that
a model knows. So they are undone before anything is judged, and how many there were is kept as
evidence that never moves a score. Real Cyrillic, Greek, Arabic and the like stay as they are.
Unicode: NFKC (UAX 15), categories (UAX 44), confusables (UTS 39).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Origins = NDArray[np.int32]

MAX_MARKS = 8  # combining marks on one letter that are looked at; the rest are dropped unseen
JOINER = "\u200d"
# Letters of other scripts, and of phonetics, that look like a plain Latin one.
LOOK_ALIKES = dict(
    zip("аеорсухіјѕԁһԛԝҽАВЕКМНОРСТУХІЈЅοαινρυχςΑΒΕΖΗΙΚΜΝΟΡΤΥΧոսօհցզⲅⲟɑɡıʏ",
        "aeopcyxijsdhqweABEKMHOPCTYXIJSoaivpuxcABEZHIKMNOPTYXnuohgqroagiy", strict=True)
)  # fmt: skip
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|[@-_])")
CLUSTERS = re.compile(r"[^\x00-\x7f]")


class Cleaned(NamedTuple):
    """A text without disguises.

    Attributes:
        text: what is left.
        origins: int32 [len(text)], where in the original each character came from.
        changes: how many characters were undone, by kind; no kind that did not occur.
    """

    text: str
    origins: Origins
    changes: dict[str, int]


def clean(text: str) -> Cleaned:
    """Undo disguises; linear in the text's length."""
    edits = _Edits(text)
    edits.replace("control", ((m.start(), m.end(), "") for m in ESCAPES.finditer(text)))
    edits.replace("control", _controls(edits.text))
    if not edits.text.isascii():
        edits.replace("", _composed(edits.text, edits.changes))
        edits.replace("look_alikes", _look_alikes(edits.text))
    return Cleaned(edits.text, edits.origins, {k: n for k, n in edits.changes.items() if n})


class _Edits:
    """A text that is being changed, and where each of its characters came from."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.origins: Origins = np.arange(len(text), dtype=np.int32)
        self.changes: dict[str, int] = {}

    def replace(self, kind: str, spans: Iterable[tuple[int, int, str]]) -> None:
        """Put other words into spans (start, end, words), in order and apart; count by `kind`."""
        self.text, self.origins, count = replaced(self.text, self.origins, spans)
        if kind:
            self.changes[kind] = self.changes.get(kind, 0) + count


def replaced(
    text: str, origins: Origins, spans: Iterable[tuple[int, int, str]]
) -> tuple[str, Origins, int]:
    """A text with other words in spans (start, end, words), which are in order and apart.

    Returns:
        the text, where its characters came from (new ones from the start of their span), and how
        many spans there were.
    """
    pieces: list[str] = []
    places: list[Origins] = []
    at = count = 0
    for start, end, words in spans:
        pieces += (text[at:start], words)
        places += (origins[at:start], np.full(len(words), origins[start], np.int32))
        at = end
        count += 1
    if not count:
        return text, origins, 0
    pieces.append(text[at:])
    places.append(origins[at:])
    return "".join(pieces), np.concatenate(places), count


def _controls(text: str) -> Iterable[tuple[int, int, str]]:
    """Control characters but for line breaks and tabs."""
    return ((m.start(), m.end(), "") for m in re.finditer(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text))


def _composed(text: str, changes: dict[str, int]) -> Iterable[tuple[int, int, str]]:
    """Each letter with its marks, where it is not plain: its compatibility form, in the open."""
    end = 0
    for match in CLUSTERS.finditer(text):
        start = match.start()
        if start < end:
            continue
        if start > end and _is_mark(text[start]):
            start -= 1
        end = start + 1
        while end < len(text) and _is_mark(text[end]):
            end += 1
        joins = text[start] == JOINER and _joins(text, start)
        words, kind = (JOINER, "") if joins else _plain(text[start : min(end, start + MAX_MARKS)])
        if end - start > MAX_MARKS:
            kind = "stacked_marks"
        if kind:
            hidden = kind in ("invisible", "stacked_marks")
            changes[kind] = changes.get(kind, 0) + (max(end - start - 1, 1) if hidden else 1)
        if words != text[start:end]:
            yield start, end, words


@lru_cache(4096)
def _plain(cluster: str) -> tuple[str, str]:
    """A letter with its marks as plain as can be, and what was undone, "" if nothing that hides."""
    composed = unicodedata.normalize("NFKC", cluster)
    shown = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    if not shown:
        return "", "invisible"
    base = shown[0]
    latin = base.isascii() or "LATIN" in unicodedata.name(base, "")
    bare = "".join(c for c in shown if not _is_mark(c)) if latin else shown
    if bare != shown:
        return bare or shown, "stacked_marks"
    styled = len(shown) == 1 and base.isascii() and base.isalnum() and cluster != shown
    return shown, "styled_letters" if styled and not _superscript(cluster) else ""


def _superscript(cluster: str) -> bool:
    """Whether it is one of the small letters and digits of ordinary writing."""
    return unicodedata.decomposition(cluster[0]).startswith(("<super>", "<sub>"))


@lru_cache(4096)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me")


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands between two symbols, as in emoji of several people."""
    around = text[at - 1 : at] + text[at + 1 : at + 2]
    return len(around) == 2 and all(unicodedata.category(c) in ("So", "Mn", "Sk") for c in around)


def _look_alikes(text: str) -> Iterable[tuple[int, int, str]]:
    """Foreign letters that stand for Latin ones: in words of two scripts, or in a Latin text."""
    found = [i for i, c in enumerate(text) if c in LOOK_ALIKES]
    if not found:
        return
    mostly_latin = _is_mostly_latin(text)
    known = -1, -1, False
    for at in found:
        start, end, mixed = known
        if at >= end:
            start, end = _word(text, at)
            mixed = _may_be_latin(text[start:end], mostly_latin)
            known = start, end, mixed
        if mixed:
            yield at, at + 1, LOOK_ALIKES[text[at]]


def _is_mostly_latin(text: str) -> bool:
    """Whether the letters that look like no others are Latin ones for the most part."""
    letters = [c for c in text if c.isalpha() and c not in LOOK_ALIKES]
    return 2 * sum(map(str.isascii, letters)) > len(letters)


def _word(text: str, at: int) -> tuple[int, int]:
    start, end = at, at + 1
    while start and text[start - 1].isalpha():
        start -= 1
    while end < len(text) and text[end].isalpha():
        end += 1
    return start, end


def _may_be_latin(word: str, mostly_latin: bool) -> bool:
    """Whether every letter of a word is Latin or looks so, and something says that it is meant."""
    if not all(c.isascii() or c in LOOK_ALIKES for c in word):
        return False
    return mostly_latin or any(map(str.isascii, word))
