"""The words in EXIF: descriptions, comments, software. Bounded, whatever its counts claim."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x9286: "UserComment",
    0x9C9C: "XPComment",
}
XMP_TAG = 700
EXIF_POINTER = 0x8769
SIZES = {1: 1, 2: 1, 7: 1}  # bytes, ASCII, undefined; the rest holds no text
MAX_ENTRIES = 500
ENCODINGS = {b"UNICODE\0": "utf-16", b"ASCII\0\0\0": "utf-8", b"\0" * 8: "utf-8"}


class _Entry(NamedTuple):
    tag: int
    value: bytes


def exif_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, text) of every entry in NAMES of the first directory and its EXIF directory.

    Args:
        data: a TIFF structure, with or without "Exif\\0\\0" in front.
    """
    tiff = data[6:] if data.startswith(b"Exif\0\0") else data
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return
    for entry in _entries(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0], follow=True):
        if entry.tag in NAMES:
            text = _text(entry, order)
            if text:
                yield NAMES[entry.tag], text


def tiff_xmp(data: bytes) -> bytes | None:
    """The XMP packet of a TIFF's first picture."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return None
    start = struct.unpack_from(order + "I", data, 4)[0]
    found = _entries(data, order, start, follow=False)
    return next((entry.value for entry in found if entry.tag == XMP_TAG), None)


def _entries(tiff: bytes, order: str, start: int, *, follow: bool) -> Iterator[_Entry]:
    """The entries of one directory that hold bytes; with `follow`, of its EXIF directory too."""
    if start + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(order + "H", tiff, start)
    present = min(count, MAX_ENTRIES, (len(tiff) - start - 2) // 12)
    for at in range(start + 2, start + 2 + 12 * present, 12):
        tag, kind, length, value = struct.unpack_from(order + "HHII", tiff, at)
        if tag == EXIF_POINTER and follow and value != start:
            yield from _entries(tiff, order, value, follow=False)
        elif kind in SIZES:
            place = value if length > 4 else at + 8
            if place + length <= len(tiff):
                yield _Entry(tag, tiff[place : place + length])


def _text(entry: _Entry, order: str) -> str:
    encoding, value = "utf-8", entry.value
    if entry.tag == 0x9286:
        encoding, value = ENCODINGS.get(value[:8], "utf-8"), value[8:]
    if entry.tag == 0x9C9C:
        encoding = "utf-16-le"
    if encoding == "utf-16":
        encoding = _utf16(value, order)
    return value.decode(encoding, errors="replace").strip("\0 ")


def _utf16(value: bytes, order: str) -> str:
    """Writers differ over the byte order: the one in which Latin letters are Latin letters."""
    if value[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    big, little = value[0::2].count(0), value[1::2].count(0)
    if big == little:
        return "utf-16-le" if order == "<" else "utf-16-be"
    return "utf-16-be" if big > little else "utf-16-le"
