"""Marks in text: C2PA manifests that hide in it, and characters that nobody sees."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from verascope.provenance.mark import Declared, Mark

# Spec 2.4, A.8: U+FEFF, then one variation selector for each byte.
SELECTORS = re.compile("\ufeff([\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,})")
MAGIC = b"C2PATXT\0"
HEADER_BYTES = len(MAGIC) + 5
# A.9: ASCII armour around base64.
ARMOUR = re.compile(
    r"-----BEGIN C2PA MANIFEST-----\s*(?:data:application/c2pa;base64,)?([A-Za-z0-9+/=\s]*)"
)
# Characters without a width that no language is written with; joiners are left out: Persian,
# Hindi and emoji need them.
ZERO_WIDTH = re.compile("[\u200b\u2060\u2061-\u2064]|(?<!^)\ufeff")
MIN_ZERO_WIDTH = 4
# Tag characters belong after a black flag, where they name a region.
TAGS = re.compile("(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0020-\U000e007f]{2,}")


def text_marks(data: bytes) -> Iterator[Mark]:
    """The marks in a text."""
    text = data.decode("utf-8", errors="ignore")
    hidden = False
    for match in SELECTORS.finditer(text):
        payload = bytes(map(_byte, match[1]))
        if payload.startswith(MAGIC):
            hidden = True
            yield _manifest(
                _is_whole_wrapper(payload), f"JUMBF {len(payload) - HEADER_BYTES} bytes"
            )
    for match in ARMOUR.finditer(text):
        store = _decoded(match[1])
        yield _manifest(_is_whole_store(store), "")
    if not hidden:
        yield from _invisible(text)


def undone(changes: Mapping[str, int]) -> tuple[Mark, ...]:
    """What was undone before a text was judged, as a mark; see media/clean_text.py."""
    kinds = ", ".join(f"{kind.replace('_', ' ')}: {number}" for kind, number in changes.items())
    if not kinds:
        return ()
    statement = f"Characters that hide what is written were undone before it was judged ({kinds})."
    return (_mark("disguised_characters", Declared.OTHER, kinds, statement),)


def _invisible(text: str) -> Iterator[Mark]:
    count = len(ZERO_WIDTH.findall(text))
    if count >= MIN_ZERO_WIDTH:
        yield _mark(
            "zero_width", Declared.MARKED, "", f"It holds {count} characters without a width."
        )
    tags = "".join(TAGS.findall(text))
    if tags:
        hidden = "".join(chr(ord(each) - 0xE0000) for each in tags)[:100]
        statement = f"It holds invisible tag characters that spell “{hidden}”."
        yield _mark("tag_characters", Declared.MARKED, hidden, statement)


def _byte(selector: str) -> int:
    code = ord(selector)
    return code - 0xFE00 if code < 0xE0100 else code - 0xE0100 + 16


def _is_whole_wrapper(payload: bytes) -> bool:
    length = int.from_bytes(payload[len(MAGIC) + 1 : HEADER_BYTES], "big")
    return len(payload) >= HEADER_BYTES and len(payload) - HEADER_BYTES == length


def _is_whole_store(store: bytes) -> bool:
    return store[4:8] == b"jumb" and int.from_bytes(store[:4], "big") == len(store)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def _manifest(whole: bool, value: str) -> Mark:
    if whole:
        statement = "It carries a C2PA manifest for text. Its signature was not checked."
        return _mark("c2pa_text", Declared.SIGNED_MANIFEST_PRESENT, value, statement)
    return _mark(
        "c2pa_text", Declared.BROKEN_MANIFEST, "", "It carries what is left of a C2PA manifest."
    )


def _mark(kind: str, declared: Declared, value: str, statement: str) -> Mark:
    return Mark(kind=kind, declared=declared, value=value, statement=statement)
