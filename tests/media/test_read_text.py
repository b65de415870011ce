"""Bytes to what people read: encodings, HTML, Markdown."""

import pytest

from verascope.errors import InputTrouble, UsageError
from verascope.media.read_text import HTML, MARKDOWN, MAX_TEXT_BYTES, PLAIN, read_text
from verascope.media.types import judgeable
from verascope.result import Modality, Reason
from verascope.settings import TextInput

TEXT = "Grüße aus Köln"
COVERED = frozenset({Modality.TEXT, Modality.IMAGE})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marked_encodings_need_no_name(encoding: str) -> None:
    assert read_text(TEXT.encode(encoding), PLAIN) == TEXT


def test_a_legacy_encoding_is_read_only_when_it_is_named() -> None:
    data = TEXT.encode("latin-1")
    assert read_text(data, PLAIN, "latin-1") == TEXT
    with pytest.raises(InputTrouble) as caught:
        read_text(data, PLAIN)
    assert caught.value.reason is Reason.BAD_ENCODING
    assert "--encoding" in str(caught.value)
    with pytest.raises(UsageError):
        read_text(data, PLAIN, "klingon")


def test_too_many_bytes_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(InputTrouble) as caught:
        read_text(bytes(MAX_TEXT_BYTES + 1), PLAIN)
    assert caught.value.reason is Reason.TOO_LARGE


def test_a_post_in_html_loses_its_markup_and_scripts() -> None:
    pytest.importorskip("selectolax")
    found = read_text(b"<p>One &amp; <b>two</b></p><script>x()</script><p>three</p>", HTML)
    assert found.split() == ["One", "&", "two", "three"]


def test_of_a_page_the_main_text_is_read() -> None:
    pytest.importorskip("trafilatura")
    story = " ".join(f"Sentence {i} of the story goes on for a little while." for i in range(20))
    page = f"<html><body><nav>Home Shop About</nav><article><p>{story}</p></article></body></html>"
    found = read_text(page.encode(), HTML)
    assert "Sentence 19" in found
    assert "Shop" not in found


def test_markdown_loses_its_marks_and_code() -> None:
    source = (
        b'# Title\n\n> *Said* **he**, [here](http://x.y "t") and `so`.\n\n```py\nx = 1\n```\n- a\n'
    )
    found = read_text(source, MARKDOWN)
    assert found.split() == ["Title", "Said", "he,", "here", "and", "so.", "a"]


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("post.txt", b"words and words", PLAIN),
        ("README", b"words and words", PLAIN),
        ("post.md", b"<b>words</b> and words", MARKDOWN),
        ("post.html", b"words and words", HTML),
        ("-", b"<p>words</p>", HTML),
    ],
)
def test_bytes_must_be_text_then_the_name_chooses(name: str, data: bytes, wanted: str) -> None:
    found, _ = judgeable(data, name, COVERED)
    assert (found.name, found.modality) == (wanted, Modality.TEXT)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("photo.jpg", b"words and words", Reason.TYPE_MISMATCH),
        ("program.py", b"words and words", Reason.UNSUPPORTED_TYPE),
        ("data.json", b'{"a": 1}', Reason.UNSUPPORTED_TYPE),
        ("deep.json", b"[" * 50_000, Reason.CORRUPT),
        ("post.txt", b"caf\xe9 " * 20, Reason.BAD_ENCODING),
        ("drawing.svg", b"<svg xmlns='x'></svg>", Reason.UNSUPPORTED_TYPE),
    ],
)
def test_what_is_no_prose_by_its_name_says_so(name: str, data: bytes, reason: Reason) -> None:
    with pytest.raises(InputTrouble) as caught:
        judgeable(data, name, COVERED)
    assert caught.value.reason is reason


def test_the_user_has_the_last_word() -> None:
    found, _ = judgeable(b"words and words", "program.py", COVERED, TextInput(type="plain"))
    assert found.name == PLAIN
    named = TextInput(encoding="latin-1")
    assert judgeable(b"caf\xe9 " * 20, "post.txt", COVERED, named)[0].name == PLAIN
