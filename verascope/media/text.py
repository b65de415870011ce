"""Telling text, and what kind of text, from its first bytes."""

import codecs

from verascope.media.buffer import Buffer

HEAD_BYTES = 65_536
# Byte order marks, longest first: UTF-32 little endian begins like UTF-16 little endian.
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
PLAYLIST = "application/vnd.playlist"  # HLS, ffconcat, DASH, SDP: scripts that name other files


def text_type(data: Buffer) -> str | None:
    """The MIME name of a text, None if the bytes are not valid text.

    Only the first 64 KiB are looked at. Text is UTF-8, or UTF-16 or UTF-32 with a byte order
    mark, without NUL characters.
    """
    text = _decoded(data)
    return None if text is None else _kind(text.lstrip())


def has_wide_bom(data: Buffer) -> bool:
    """Whether the bytes begin with a mark of UTF-16 or UTF-32."""
    return any(data[: len(bom)] == bom for bom, encoding in BOMS if encoding != "utf-8")


def _decoded(data: Buffer) -> str | None:
    head, encoding = bytes(data[:HEAD_BYTES]), "utf-8"
    for bom, name in BOMS:
        if head.startswith(bom):
            head, encoding = head[len(bom) :], name
            break
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(head, final=len(data) <= HEAD_BYTES)
    except UnicodeDecodeError:
        return None
    return text if text and "\0" not in text else None


def _kind(text: str) -> str:
    start = text[:64].lower()
    if start.startswith(("#extm3u", "ffconcat version")) or _is_sdp(text):
        return PLAYLIST
    if start.startswith("<"):
        return _markup(text[:16_384].lower(), start)
    return "application/json" if start.startswith(("{", "[")) else "text/plain"


def _is_sdp(text: str) -> bool:
    lines = text[:256].splitlines()
    return len(lines) > 1 and lines[0] == "v=0" and lines[1].startswith("o=")


def _markup(head: str, start: str) -> str:
    if "<mpd" in head:
        return PLAYLIST
    if start.startswith(("<!doctype html", "<html")):
        return "text/html"
    if "<svg" in head:
        return "image/svg+xml"
    return "text/xml" if start.startswith(("<?xml", "<!doctype")) else "text/html"
