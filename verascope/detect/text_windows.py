"""A cleaned text as training and scanning alike see it: scrubbed of what identifies, in windows.

Addresses, links, account names and telephone numbers become placeholders, white space becomes one
space, typographic quotes become plain: what differs between sites rather than between people and
machines is taken from both classes. A window is a passage of whole sentences where there are any.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Windows
from verascope.media.clean_text import Origins, replaced

UNITS = 1_024  # UTF-16 code units of a window
MAX_WINDOWS = 64
MIN_CHARACTERS = 60  # fewer are not judged
MIN_DECIDED = 100  # with fewer the score stays below the point of high precision
SHAPE = (2, UNITS)

_PLACEHOLDERS = (
    ("<EMAIL>", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")),
    ("<URL>", re.compile(r"(?:https?://|www\.)[^\s<>\"]{1,2000}", re.IGNORECASE)),
    ("<USER>", re.compile(r"(?<![\w/])(?:@\w{1,30}|/?u/[\w-]{2,30})")),
    (
        "<PHONE>",
        re.compile(
            r"(?<![\w.,/-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{3,4})[ .-]\d{3}[ .-]?\d{4}\b"
        ),
    ),
)
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
_SPACE = re.compile(r"\s+")
_SENTENCE = re.compile(r"[.!?…。！？]+[\"')\]]*\s+")


class Prose(NamedTuple):
    """A text as it is judged, and where in the original each of its characters came from."""

    text: str
    origins: Origins

    def cut(self, start: int, end: int) -> "Prose":
        """A part of it."""
        return Prose(self.text[start:end], self.origins[start:end])

    def array(self) -> NDArray[np.int32]:
        """As detectors take it: int32 [2, n], code points, and where each stood."""
        points = np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), "<i4")
        return np.stack((points, self.origins))

    @classmethod
    def of(cls, array: NDArray[np.int32]) -> "Prose":
        """What `array` made an array of."""
        text = array[0].astype("<i4").tobytes().decode("utf-32-le", "replace")
        return cls(text, array[1])


def scrub(text: str, origins: Origins | None = None) -> Prose:
    """A cleaned text without what identifies people and sites.

    Args:
        text: as `media.clean_text.clean` gives it.
        origins: int32 [len(text)], where its characters came from; their own places if left out.
    """
    if origins is None:
        origins = np.arange(len(text), dtype=np.int32)
    entities = ((m.start(), m.end(), html.unescape(m[0])) for m in _ENTITY.finditer(text))
    text, origins, _ = replaced(text, origins, entities)
    for word, pattern in _PLACEHOLDERS:
        spans = ((m.start(), m.end(), word) for m in pattern.finditer(text))
        text, origins, _ = replaced(text, origins, spans)
    spans = ((m.start(), m.end(), " ") for m in _SPACE.finditer(text) if m[0] != " ")
    text, origins, _ = replaced(text, origins, spans)
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    return Prose(text.translate(_PLAIN), origins).cut(start, max(start, end))


def windows(prose: Prose) -> Windows:
    """A text as at most MAX_WINDOWS windows, evenly spread where there would be more.

    Returns:
        values int16 [n, 2, UNITS]: UTF-16 code units, ended by 0; and how far behind the window's
        start each stood in the original, at most 65,535 (both are uint16 in truth). Places float64
        [n, 2]: (start, end) in characters of the original.
    """
    passages = list(_passages(prose))
    if len(passages) > MAX_WINDOWS:
        chosen = np.linspace(0, len(passages) - 1, MAX_WINDOWS).round().astype(int)
        passages = [passages[i] for i in chosen]
    values = np.zeros((len(passages), *SHAPE), np.uint16)
    places = np.zeros((len(passages), 2))
    for i, passage in enumerate(passages):
        units = np.frombuffer(passage.text.encode("utf-16-le", "surrogatepass"), "<u2")
        wide = np.fromiter((1 + (c > "\uffff") for c in passage.text), int, len(passage.text))
        behind = np.clip(passage.origins - passage.origins[0], 0, 65_535)
        values[i, 0, : len(units)] = units
        values[i, 1, : len(units)] = np.repeat(behind, wide)
        places[i] = passage.origins[0], passage.origins[-1] + 1
    return Windows(values.view(np.int16), places)


def origin(values: NDArray[np.int16], index: int, at: int) -> int:
    """How far behind its window's start character `at` of the window's text stood."""
    units = values[index, 0].view(np.uint16)
    second = (units >= 0xDC00) & (units <= 0xDFFF)  # of a surrogate pair: no character of its own
    return int(values[index, 1].view(np.uint16)[np.flatnonzero(~second)[at]])


def texts(values: NDArray[np.int16]) -> list[str]:
    """The texts of windows' values [n, 2, UNITS]."""
    units = values[:, 0].view(np.uint16)
    ends = np.where((units == 0).any(1), (units == 0).argmax(1), UNITS)
    return [
        row[:end].astype("<u2").tobytes().decode("utf-16-le", "replace")
        for row, end in zip(units, ends, strict=True)
    ]


def sentences(text: str, at_least: int = MIN_CHARACTERS) -> list[tuple[int, int]]:
    """Spans of whole sentences that together cover a text, each of at least so many characters."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in [*(m.end() for m in _SENTENCE.finditer(text)), len(text)]:
        if end - start >= at_least:
            spans.append((start, end))
            start = end
    if start < len(text):  # what is left is too short: it belongs to the one before
        begin = spans.pop()[0] if spans else start
        spans.append((begin, len(text)))
    return spans


def _passages(prose: Prose) -> Iterator[Prose]:
    """Passages of about equal length, each of whole sentences where that is possible."""
    pieces = _pieces(prose.text)
    total = sum(_units(prose.text[start:end]) for start, end in pieces)
    if not pieces:
        return
    goal = total / -(-total // (UNITS * 3 // 4)) if total > UNITS else UNITS
    start, length = pieces[0][0], 0
    for begin, end in pieces:
        more = _units(prose.text[begin:end])
        if length and (length + more > UNITS or length + more / 2 > goal):
            yield prose.cut(start, begin)
            start, length = begin, 0
        length += more
    yield prose.cut(start, len(prose.text))


def _pieces(text: str) -> list[tuple[int, int]]:
    """Sentences, the long ones cut at spaces or, where there is none, anywhere."""
    found = []
    for start, end in sentences(text, 1):
        while _units(text[start:end]) > UNITS // 2:
            space = text.rfind(" ", start + 1, start + UNITS // 4)
            cut = space + 1 if space > start else start + UNITS // 4
            found.append((start, cut))
            start = cut
        if start < end:
            found.append((start, end))
    return found


def _units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text) + sum(map("\uffff".__lt__, text))
