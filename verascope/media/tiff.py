"""TIFF: the first directory's size and strips, and whether the chain of directories loops."""

import struct
from typing import NamedTuple

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.exif import SUB_IFDS, TYPE_BYTES, UPRIGHT
from verascope.media.header import Header, check_size, header
from verascope.media.pillow import opened, untrusted
from verascope.result import Reason, Warn
from verascope.settings import Limits

WIDTH, LENGTH = 256, 257
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
TILE_WIDTH, TILE_LENGTH = 322, 323
MAX_PAGES = 1000  # directories followed in search of a loop


class _Layout(NamedTuple):
    """How the numbers of a directory are written."""

    order: str
    pointer: str
    counter: str
    entry_bytes: int


class _Entry(NamedTuple):
    """A tag's type, number of values and value (or the offset of its values)."""

    kind: int
    length: int
    value: int


def read_header(data: Buffer, limits: Limits) -> Header:
    """The first page's upright size; Pillow turns the page itself while it loads it.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT (loops, lying counts) or TRUNCATED.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    layout = _Layout(order, "Q", "Q", 20) if big else _Layout(order, "I", "H", 12)
    start = _number(data, layout, layout.pointer, 8 if big else 4)
    entries, following = _directory(data, layout, start)
    size = (_value(entries, WIDTH), _value(entries, LENGTH))
    check_size(*size, limits)
    if TILE_OFFSETS in entries:
        check_size(_value(entries, TILE_WIDTH), _value(entries, TILE_LENGTH), limits)
    complete = _check_places(data, layout, start, entries)
    warnings = _note_pages(data, layout, start, following)
    with untrusted(complete), opened(data, "image/tiff", limits) as image:
        return header(image.size, UPRIGHT, warnings, complete=complete)


def _directory(data: Buffer, layout: _Layout, start: int) -> tuple[dict[int, _Entry], int]:
    """The directory's entries by tag, those that are there, and the next directory's offset."""
    count = _number(data, layout, layout.counter, start)
    at = start + struct.calcsize(layout.counter)
    count = min(count, (len(data) - at) // layout.entry_bytes)
    end = at + count * layout.entry_bytes
    has_next = end + struct.calcsize(layout.pointer) <= len(data)
    following = _number(data, layout, layout.pointer, end) if has_next else 0
    entries: dict[int, _Entry] = {}
    for place in range(at, end, layout.entry_bytes):
        tag, kind, length = struct.unpack_from(layout.order + "HH" + layout.pointer, data, place)
        entries.setdefault(tag, _Entry(kind, length, _inline(data, layout, place, kind)))
    return entries, following


def _inline(data: Buffer, layout: _Layout, place: int, kind: int) -> int:
    at = place + layout.entry_bytes - struct.calcsize(layout.pointer)
    code = {1: "B", 3: "H", 4: "I"}.get(kind, layout.pointer)
    return int(struct.unpack_from(layout.order + code, data, at)[0])


def _number(data: Buffer, layout: _Layout, code: str, at: int) -> int:
    if at + struct.calcsize(code) > len(data):
        raise InputTrouble(Reason.TRUNCATED, "the file ends before its directory does")
    return int(struct.unpack_from(layout.order + code, data, at)[0])


def _value(entries: dict[int, _Entry], tag: int) -> int:
    entry = entries.get(tag)
    return entry.value if entry is not None else 0


def _note_pages(data: Buffer, layout: _Layout, start: int, following: int) -> set[Warn]:
    """More pages, and whether their chain loops or leads out of the file."""
    seen = {start}
    while following and len(seen) < MAX_PAGES:
        if following in seen or following + 8 > len(data):
            return {Warn.DAMAGED}
        seen.add(following)
        _, following = _directory(data, layout, following)
    return {Warn.FIRST_FRAME_ONLY} if len(seen) > 1 else set()


def _check_places(data: Buffer, layout: _Layout, start: int, entries: dict[int, _Entry]) -> bool:
    """Whether the strips or tiles lie in the file; lies about their number are CORRUPT."""
    if any(entry.value == start for tag, entry in entries.items() if tag in SUB_IFDS):
        raise InputTrouble(Reason.CORRUPT, "a directory points at itself")
    places = entries.get(STRIP_OFFSETS) or entries.get(TILE_OFFSETS)
    if places is None or not places.length:
        raise InputTrouble(Reason.CORRUPT, "there is no image data")
    if places.length * TYPE_BYTES.get(places.kind, 1) > len(data):
        raise InputTrouble(Reason.CORRUPT, f"{places.length:,} strips do not fit into the file")
    return all(_end(entry) <= len(data) for entry in entries.values())


def _end(entry: _Entry) -> int:
    """Where the entry's values end in the file; 0 if they stand in the entry itself."""
    size = entry.length * TYPE_BYTES.get(entry.kind, 1)
    return entry.value + size if size > 8 else 0
