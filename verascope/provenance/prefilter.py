"""May these bytes carry a Content Credential? Cheap, and never a wrong no.

Most pictures carry none. To say so without the library saves its import (about 20 ms of CPU in
every new worker). A no needs two things: no marker of a credential anywhere but in coded pixels,
and a container that is whole by the strictest reading, since the library calls a broken one
unreadable, which is not the same as none.
"""

import mmap
import re
from typing import TypeAlias

Bytes: TypeAlias = bytes | mmap.mmap

MAX_SEGMENTS = 2_000

JUMBF = b"jumb"
QUICK_LOOK_BYTES = 4_096  # where most signed pictures show it
# JUMBF boxes and their label; the PNG chunk; the pointer to a remote manifest in XMP, also in
# UTF-16; XMP that is split over JPEG segments, where that word may be cut in two.
MARKERS = (
    JUMBF,
    b"c2pa",
    b"C2PA",
    b"caBX",
    b"provenance",
    "provenance".encode("utf-16-be")[1:-1],
    b"http://ns.adobe.com/xmp/extension/",
)
PNG_XMP = b"XML:com.adobe.xmp\0"
PNG_TEXT = b"iTXt"
PNG_PIXELS = frozenset({b"IDAT", b"fdAT"})
WEBP_PIXELS = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANMF"})
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Ends a run of coded data: any marker but a stuffed zero, the restart markers and fill bytes.
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
FILL = re.compile(rb"\xff*(?=\xff)")  # any number of these may stand before a marker
START_OF_SCAN = 0xDA
END_OF_IMAGE = b"\xff\xd9"


def is_damaged(data: Bytes) -> bool:
    """Whether a JPEG, PNG or WebP is not whole; of other types nothing is said."""
    known = _metadata(data)
    return known is not None and known[0] is None


def may_carry_credential(data: Bytes) -> bool:
    """False only where the c2pa library would find no manifest: JPEG, PNG and WebP without one."""
    if data.find(JUMBF, 0, QUICK_LOOK_BYTES) >= 0:
        return True
    known = _metadata(data)
    if known is None or known[0] is None:
        return True
    return any(marker in known[0] for marker in MARKERS) or _has_packed_xmp(known[0])


def _metadata(data: Bytes) -> tuple[bytes | None] | None:
    """All of a file but its coded pixels, (None,) if it is not whole, None for other types."""
    if data[:2] == b"\xff\xd8":
        return (_jpeg_metadata(data),)
    if data[:8] == PNG_SIGNATURE:
        return (_png_metadata(data),)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return (_webp_metadata(data),)
    return None


def _jpeg_metadata(data: Bytes) -> bytes | None:
    """All but the scans; None unless segments follow each other without a gap up to the end."""
    parts: list[bytes] = []
    start = position = 2
    for _ in range(MAX_SEGMENTS):
        fill = FILL.match(data, position)
        position = fill.end() if fill else position
        head = data[position : position + 4]
        if head[:2] == END_OF_IMAGE:
            return b"".join((*parts, data[start:position]))
        if len(head) < 4 or head[0] != 0xFF or not _takes_length(head[1]):
            return None
        length = int.from_bytes(head[2:], "big")
        position += 2 + length
        if length < 2 or position > len(data):
            return None
        if head[1] == START_OF_SCAN:
            parts.append(data[start:position])
            end = SCAN_END.search(data, position)
            if end is None:
                return None
            start = position = end.start()
    return None


def _takes_length(marker: int) -> bool:
    return marker >= 0xC0 and not 0xD0 <= marker <= 0xD9 and marker != 0xFF


def _png_metadata(data: Bytes) -> bytes | None:
    """All but the pixels; None unless IHDR is first and named chunks fit up to IEND."""
    parts: list[bytes] = []
    position = len(PNG_SIGNATURE)
    for number in range(MAX_SEGMENTS):
        start = position
        head = data[start : start + 8]
        kind = head[4:]
        position += 12 + int.from_bytes(head[:4], "big")
        if len(head) < 8 or position > len(data) or not kind.isalpha():
            return None
        if number == 0 and kind != b"IHDR":
            return None
        if kind not in PNG_PIXELS:
            parts.append(data[start:position])
        if kind == b"IEND":
            return b"".join(parts)
    return None


def _has_packed_xmp(metadata: bytes) -> bool:
    """XMP that is compressed or in a chunk of another kind, where no marker could be seen."""
    start = metadata.find(PNG_XMP)
    while start >= 0:
        end = start + len(PNG_XMP)
        if metadata[end : end + 1] != b"\0" or metadata[start - 4 : start] != PNG_TEXT:
            return True
        start = metadata.find(PNG_XMP, end)
    return False


def _webp_metadata(data: Bytes) -> bytes | None:
    """All but the pixels; None unless the RIFF size is the file's and every chunk fits."""
    if 8 + int.from_bytes(data[4:8], "little") != len(data):
        return None
    parts: list[bytes] = []
    position = 12
    for _ in range(MAX_SEGMENTS):
        if position == len(data):
            return b"".join(parts)
        start, kind = position, data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
        if position > len(data):
            return None
        if kind not in WEBP_PIXELS:
            parts.append(data[start:position])
    return None
