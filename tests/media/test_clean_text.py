"""Disguises are undone, real writing stays, and nothing takes longer than its length."""

import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verascope.media.clean_text import LOOK_ALIKES, clean

LATIN = "The quick brown fox jumps over the lazy dog, and nobody minds."
REAL = (
    "Привет мир, это настоящий русский текст о погоде.",
    "Η γρήγορη καφέ αλεπού πηδάει πάνω από το σκυλί.",
    "سلام دنیا، این یک متن فارسی است که می‌خوانید.",
    "नमस्ते दुनिया, यह हिन्दी का एक वाक्य है।",
    "naïve café, Zoë’s résumé, smörgåsbord",
    "👨‍👩‍👧 went home, 🏳️‍🌈",
)


def disguised(text: str) -> str:
    """Every Latin letter that has a look-alike replaced by it."""
    back = {latin: foreign for foreign, latin in LOOK_ALIKES.items()}
    return "".join(back.get(letter, letter) for letter in text)


def test_look_alikes_are_undone_letter_by_letter() -> None:
    hidden = disguised(LATIN)
    found = clean(hidden)
    assert hidden != LATIN
    assert found.text == LATIN
    assert found.changes == {"look_alikes": sum(a != b for a, b in zip(hidden, LATIN, strict=True))}


@pytest.mark.parametrize(
    ("hidden", "kind"),
    [
        ("\u200b".join(LATIN), "invisible"),
        ("".join(f"{c}\u0336" if c.isalpha() else c for c in LATIN), "stacked_marks"),
        ("".join(chr(0xFF01 + ord(c) - 33) if c.isalpha() else c for c in LATIN), "styled_letters"),
        (LATIN + "".join(chr(0xE0000 + ord(c)) for c in "hidden"), "invisible"),
        ("\u202e" + LATIN, "invisible"),
        ("\x1b[31m" + LATIN + "\x1b[0m", "control"),
    ],
)
def test_other_disguises_are_undone_and_counted(hidden: str, kind: str) -> None:
    found = clean(hidden)
    assert found.text == LATIN
    assert found.changes[kind] > 0


@pytest.mark.parametrize("text", REAL)
def test_real_writing_stays(text: str) -> None:
    found = clean(text)
    assert found.text.replace("\u200c", "") == text.replace("\u200c", "")
    assert set(found.changes) <= {"invisible"}  # a joiner of Persian is not needed to judge it


@given(st.text(max_size=300))
def test_every_character_left_knows_where_it_came_from(text: str) -> None:
    found = clean(text)
    assert len(found.origins) == len(found.text)
    assert (np.diff(found.origins) >= 0).all()
    assert not len(found.origins) or 0 <= found.origins.min() <= found.origins.max() < len(text)


@given(st.text(max_size=300))
def test_cleaning_twice_changes_no_more(text: str) -> None:
    once = clean(text).text
    again = clean(once).text
    assert unicodedata.normalize("NFKC", again) == unicodedata.normalize("NFKC", once)


@pytest.mark.parametrize("unit", ["Z\u0301\u0317", "а", "é x", "\u200b", "\x1b[", "x\u0301"])
def test_it_is_linear(unit: str) -> None:
    def seconds(count: int) -> float:
        start = time.process_time()
        clean(unit * count)
        return time.process_time() - start

    seconds(1_000)  # what is cached, is now
    assert seconds(40_000) < 40 * max(seconds(4_000), 0.002)  # quadratic would be 100 times
