"""The segments of a JPEG: its size, its orientation, and where its metadata and its end lie."""

import re
import struct

from msgspec import Struct, field

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.buffer import Buffer
from verascope.media.header import check_size
from verascope.result import Reason, Warn
from verascope.settings import Limits

SOI, EOI, SOS, APP0, APP1, APP2 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2
APP14, APP15, COM = 0xEE, 0xEF, 0xFE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset({0x01, SOI, EOI, *range(0xD0, 0xD8)})  # markers without a segment
# In scan data FF is followed by 00 (a stuffed byte) or a restart marker; else it is a marker.
MARKER = re.compile(rb"\xff([^\x00\xff])")
MARKER_IN_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
XMP = b"http://ns.adobe.com/xap/1.0/\0"
ICC = b"ICC_PROFILE\0"


class Segments(Struct):
    """What the walk over the segments gathers.

    Attributes:
        size: stored width and height.
        orientation: EXIF orientation, 1 to 8.
        end: behind the end marker, None if the file has none.
        metadata_spans: (start, end) of the segments that decoding does not need.
    """

    size: tuple[int, int] = (0, 0)
    orientation: int = exif.UPRIGHT
    end: int | None = None
    metadata_spans: list[tuple[int, int]] = field(default_factory=list)
    metadata_bytes: int = 0
    icc_parts: list[tuple[int, int]] = field(default_factory=list)  # number, of how many
    has_frame: bool = False
    warnings: set[Warn] = field(default_factory=set)


def read_segments(data: Buffer, limits: Limits) -> Segments:
    """Walk the file's markers; of metadata only the orientation is read.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT, TRUNCATED or UNSUPPORTED_TYPE.
    """
    found = Segments()
    try:
        scan = _walk_header(data, found)
    except InputTrouble:
        if found.has_frame:
            check_size(*found.size, limits)  # the greater trouble
        raise
    if not found.has_frame:
        raise InputTrouble(Reason.CORRUPT, "a scan without a frame header")
    check_size(*found.size, limits)
    _note_metadata(found, limits)
    found.end = _end_of_scans(data, scan)
    if found.end is not None and found.end < len(data):
        found.warnings.add(Warn.TRAILING_DATA)
    return found


def bare_spans(found: Segments, end: int) -> tuple[tuple[int, int], ...]:
    """The file without its metadata segments, as spans up to `end`."""
    edges = [0, *(edge for span in found.metadata_spans for edge in span), end]
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _walk_header(data: Buffer, found: Segments) -> int:
    """Walk the segments up to the first scan; returns where its data begins."""
    at = 2
    while (marker := MARKER.search(data, at)) is not None:
        code, at = marker[1][0], marker.end()
        if code in ALONE:
            if code == EOI:
                raise InputTrouble(Reason.CORRUPT, "no picture before the end marker")
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or len(data) < at + 2:
            raise _overrun(data)
        if code == SOS:
            return end
        _note_segment(code, at, data[at + 2 : end], found)
        at = max(end, at + 2)
    raise InputTrouble(Reason.TRUNCATED, "the file ends before the picture")


def _overrun(data: Buffer) -> InputTrouble:
    """A segment that is longer than the file: cut off, or a lie if the file has its end marker."""
    if data[-2:] == b"\xff\xd9":
        return InputTrouble(Reason.CORRUPT, "a segment claims more bytes than the file has")
    return InputTrouble(Reason.TRUNCATED, "the file ends inside a header segment")


def _note_segment(code: int, at: int, payload: bytes, found: Segments) -> None:
    if code in FRAMES and not found.has_frame and len(payload) >= 6:
        precision, height, width = struct.unpack_from(">BHH", payload)
        if precision != 8:
            raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"a JPEG of {precision} bits a sample")
        found.size, found.has_frame = (width, height), True
    elif APP0 <= code <= APP15 or code == COM:
        found.metadata_bytes += len(payload)
        if code not in (APP0, APP14):  # those say what the colour values mean
            found.metadata_spans.append((at - 2, at + 2 + len(payload)))
        if code == APP1:
            _note_app1(payload, found)
        elif code == APP2 and payload.startswith(ICC) and len(payload) >= len(ICC) + 2:
            found.icc_parts.append((payload[len(ICC)], payload[len(ICC) + 1]))


def _note_app1(payload: bytes, found: Segments) -> None:
    odd = False
    if payload.startswith(b"Exif\0\0"):
        turn, odd = exif.orientation(payload)
        found.orientation = turn if found.orientation == 1 else found.orientation
    elif payload.startswith(XMP):
        odd = b"<!DOCTYPE" in payload or b"<!ENTITY" in payload
    if odd:
        found.warnings.add(Warn.METADATA_SKIPPED)


def _note_metadata(found: Segments, limits: Limits) -> None:
    if found.metadata_bytes > limits.max_metadata_bytes:
        found.warnings.add(Warn.METADATA_LIMITED)
    parts = sorted(found.icc_parts)
    if parts != [(i, len(parts)) for i in range(1, len(parts) + 1)]:
        found.warnings.add(Warn.METADATA_SKIPPED)


def _end_of_scans(data: Buffer, at: int) -> int | None:
    """Where the end marker ends, None if the file ends without one."""
    while (marker := MARKER_IN_SCAN.search(data, at)) is not None:
        at = marker.end()
        if marker[1][0] == EOI:
            return at
        if marker[1][0] not in ALONE:  # a segment between scans: tables, the next scan's header
            at += int.from_bytes(data[at : at + 2], "big")
    return len(data) if data[-2:] == b"\xff\xd9" else None  # a false marker led past the end
