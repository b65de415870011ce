"""A text's bytes to characters: encodings, HTML, Markdown. Everything here is linear and bounded.

UTF-8, or UTF-16 and UTF-32 with a byte order mark; another encoding only where it is named, since
a guess at one turns one letter into another in silence.
"""

import re
from collections.abc import Callable

from verascope.errors import InputTrouble, UsageError
from verascope.media.buffer import Buffer
from verascope.media.text import BOMS
from verascope.result import Reason

MAX_TEXT_BYTES = 20_000_000
MAX_HTML_BYTES = 4_000_000
PLAIN, HTML, MARKDOWN = "text/plain", "text/html", "text/markdown"
PAGE = re.compile(r"<(?:html|body|head|!doctype)\b", re.IGNORECASE)
DROPPED = "script,style,noscript,template,nav,header,footer,aside,form,svg,button,select"
BLOCKS = "p,div,li,br,tr,h1,h2,h3,h4,h5,h6,blockquote,article,section,pre,dd,dt"


def read_text(data: Buffer, media_type: str, encoding: str | None = None) -> str:
    """The characters of a text that people read.

    Args:
        data: the whole input.
        media_type: PLAIN, HTML or MARKDOWN.
        encoding: of the bytes, where it is not told by them; as Python names it.

    Raises:
        InputTrouble: TOO_LARGE, BAD_ENCODING.
        UsageError: there is no such encoding.
    """
    limit = MAX_HTML_BYTES if media_type == HTML else MAX_TEXT_BYTES
    if len(data) > limit:
        detail = f"{len(data):,} bytes of {media_type}; at most {limit:,} are read"
        raise InputTrouble(Reason.TOO_LARGE, detail)
    text = decoded(bytes(data), encoding)
    return READERS.get(media_type, str)(text)


def decoded(data: bytes, encoding: str | None = None) -> str:
    """Bytes as characters; see `read_text`."""
    for mark, name in BOMS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} is no {error.encoding}; name its encoding with --encoding"
        raise InputTrouble(Reason.BAD_ENCODING, detail) from error
    except LookupError as error:
        raise UsageError(f"there is no encoding {encoding!r}") from error


def html_text(markup: str) -> str:
    """What a page or a post says: of a page its main text, of a fragment all but furniture.

    Raises:
        UsageError: the extra `text` is not installed.
    """
    text = _page(markup) if PAGE.search(markup[:4096]) else None
    return _fragment(markup) if text is None else text


def _page(markup: str) -> str | None:
    """The main text (Barbaresi 2021), None where none is found."""
    try:
        from trafilatura import extract
    except ImportError as error:
        raise _missing() from error
    found: str | None = extract(markup, include_comments=False, include_tables=False, fast=True)
    return found


def _fragment(markup: str) -> str:
    try:
        from selectolax.lexbor import LexborHTMLParser
    except ImportError as error:
        raise _missing() from error
    tree = LexborHTMLParser(markup)
    for node in tree.css(DROPPED):
        node.decompose()
    for node in tree.css(BLOCKS):
        node.insert_after("\n")
    return tree.body.text() if tree.body is not None else ""


def _missing() -> UsageError:
    return UsageError("reading HTML needs an extra: pip install 'verascope[text]'")


MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^[ \t]{0,3}(```|~~~).*?^[ \t]{0,3}\1[^\n]*$", re.DOTALL | re.MULTILINE), ""),
    (re.compile(r"^(?: {4}|\t)[^\n]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}(?:[-*+]|\d{1,4}[.)])[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}(?:[-*_][ \t]*){3,}$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|[^\n]*$", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\]\[\n]{0,500})\]\([^)\s]{0,2000}(?:\s\"[^\"\n]{0,500}\")?\)"), r"\1"),
    (re.compile(r"`([^`\n]{1,500})`"), r"\1"),
    (re.compile(r"(\*\*|__|~~)(?=\S)([^\n]{1,2000}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,2000})(?<=\S)\*(?!\w)"), r"\1"),
)  # fmt: skip


def markdown_text(source: str) -> str:
    """Prose without its marks; code and tables are left out."""
    for pattern, words in MARKS:
        source = pattern.sub(words, source)
    return source


READERS: dict[str, Callable[[str], str]] = {HTML: html_text, MARKDOWN: markdown_text}
