"""JPEG: the markers up to the pixels, and decoding with simplejpeg (libjpeg-turbo)."""

import re
import struct
from dataclasses import dataclass, field

import simplejpeg

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.buffer import Buffer
from verascope.media.header import MIN_PART_SIDE, Header, check_size, header
from verascope.media.picture import Picture, Pixels, decoded_rows, enough_of, upright
from verascope.result import Reason, Warn
from verascope.settings import Limits

SOI, EOI, SOS, APP0, APP1, APP2, APP15, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEF, 0xFE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset({0x01, SOI, EOI, *range(0xD0, 0xD8)})  # markers without a segment
# In scan data FF is followed by 00 (a stuffed byte) or a restart marker; else it is a marker.
MARKER = re.compile(rb"\xff([^\x00\xff])")
MARKER_IN_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
XMP = b"http://ns.adobe.com/xap/1.0/\0"
ICC = b"ICC_PROFILE\0"
# libjpeg decodes missing blocks as zero coefficients: mid grey, in CMYK 65 after conversion.
FILLS = frozenset({65, 128})
# A complaint of libjpeg that leaves every pixel as it should be.
HARMLESS = "extraneous bytes before marker"


@dataclass
class _Found:
    """What the walk over the segments gathers."""

    size: tuple[int, int] | None = None  # stored width, height
    orientation: int = 1
    metadata_bytes: int = 0
    icc_parts: list[tuple[int, int]] = field(default_factory=list)  # number, of how many
    icc_spans: list[tuple[int, int]] = field(default_factory=list)
    warnings: set[Warn] = field(default_factory=set)


def read_header(data: Buffer, limits: Limits) -> Header:
    """Size and orientation from the segments before the first scan.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT, TRUNCATED or UNSUPPORTED_TYPE.
    """
    found = _Found()
    try:
        scan = _walk_header(data, found)
    except InputTrouble:
        if found.size is not None:
            check_size(*found.size, limits)  # the greater trouble
        raise
    if found.size is None:
        raise InputTrouble(Reason.CORRUPT, "a scan without a frame header")
    check_size(*found.size, limits)
    _check_decoder_agrees(data, found.size)
    _note_metadata(found, limits)
    end = _end_of_scans(data, scan)
    if end is not None and end < len(data):
        found.warnings.add(Warn.TRAILING_DATA)
    # libjpeg refuses the whole picture for a colour profile whose parts do not add up.
    spans = _without(found.icc_spans, len(data)) if _is_odd_icc(found) else ()
    complete = end is not None
    return header(found.size, found.orientation, found.warnings, complete=complete, spans=spans)


def decode(data: Buffer, head: Header, limits: Limits) -> Picture:
    """Decode at full size, turned upright.

    A damaged picture is decoded as far as it goes, as every viewer does: a missing end must not
    be a way around a detector.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED or MEMORY_LIMIT.
    """
    if head.spans:
        data = b"".join(data[start:end] for start, end in head.spans)
    try:
        return Picture(upright(simplejpeg.decode_jpeg(data), head.orientation))
    except ValueError as error:
        complaint = str(error)
    pixels = _decode_damaged(data, head)
    part = _part(pixels, head, complaint)
    truncated = not head.complete or len(part) < len(pixels)
    warnings = (Warn.DAMAGED,) if head.complete else ()
    return Picture(upright(part, head.orientation), truncated, warnings)


def _part(pixels: Pixels, head: Header, complaint: str) -> Pixels:
    """The rows that were decoded, of a file that is cut off or damaged.

    Raises:
        InputTrouble: they are too few, and more than a blemish beside the pixels is wrong.
    """
    grey = pixels[-1, -1].max() == pixels[-1, -1].min() and int(pixels[-1, -1, 0]) in FILLS
    part = decoded_rows(pixels) if grey else pixels
    if head.complete and HARMLESS in complaint:
        return part if min(part.shape[:2]) >= MIN_PART_SIDE else pixels
    if head.complete and len(part) == len(pixels):
        return pixels
    return enough_of(part, Reason.CORRUPT if head.complete else Reason.TRUNCATED, complaint)


def _decode_damaged(data: Buffer, head: Header) -> Pixels:
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, strict=False)
    except ValueError as error:
        reason = Reason.CORRUPT if head.complete else Reason.TRUNCATED
        raise InputTrouble(reason, str(error)) from None
    return pixels


def _walk_header(data: Buffer, found: _Found) -> int:
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


def _note_segment(code: int, at: int, payload: bytes, found: _Found) -> None:
    if code in FRAMES and found.size is None and len(payload) >= 6:
        precision, height, width = struct.unpack_from(">BHH", payload)
        if precision != 8:
            raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"a JPEG of {precision} bits a sample")
        found.size = width, height
    elif APP0 <= code <= APP15 or code == COM:
        found.metadata_bytes += len(payload)
        if code == APP1:
            _note_app1(payload, found)
        elif code == APP2 and payload.startswith(ICC) and len(payload) >= len(ICC) + 2:
            found.icc_parts.append((payload[len(ICC)], payload[len(ICC) + 1]))
            found.icc_spans.append((at - 2, at + 2 + len(payload)))


def _note_app1(payload: bytes, found: _Found) -> None:
    odd = False
    if payload.startswith(b"Exif\0\0"):
        turn, odd = exif.orientation(payload)
        found.orientation = turn if found.orientation == 1 else found.orientation
    elif payload.startswith(XMP):
        odd = b"<!DOCTYPE" in payload or b"<!ENTITY" in payload
    if odd:
        found.warnings.add(Warn.METADATA_SKIPPED)


def _note_metadata(found: _Found, limits: Limits) -> None:
    if found.metadata_bytes > limits.max_metadata_bytes:
        found.warnings.add(Warn.METADATA_LIMITED)
    if _is_odd_icc(found):
        found.warnings.add(Warn.METADATA_SKIPPED)


def _is_odd_icc(found: _Found) -> bool:
    parts = sorted(found.icc_parts)
    return parts != [(i, len(parts)) for i in range(1, len(parts) + 1)]


def _without(spans: list[tuple[int, int]], end: int) -> tuple[tuple[int, int], ...]:
    """The spans between the given ones, up to `end`."""
    edges = [0, *(edge for span in spans for edge in span), end]
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _check_decoder_agrees(data: Buffer, size: tuple[int, int]) -> None:
    """The limits must have been held against the size that the decoder will allocate."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    except ValueError as error:
        raise InputTrouble(Reason.CORRUPT, str(error)) from None
    if (width, height) != size:
        raise InputTrouble(Reason.CORRUPT, "contradicting frame headers")


def _end_of_scans(data: Buffer, at: int) -> int | None:
    """Where the end marker ends, None if the file ends without one."""
    while (marker := MARKER_IN_SCAN.search(data, at)) is not None:
        at = marker.end()
        if marker[1][0] == EOI:
            return at
        if marker[1][0] not in ALONE:  # a segment between scans: tables, the next scan's header
            at += int.from_bytes(data[at : at + 2], "big")
    return len(data) if data[-2:] == b"\xff\xd9" else None  # a false marker led past the end
