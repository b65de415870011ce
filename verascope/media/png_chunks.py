"""The chunks of a PNG: its size, its orientation, and which of them its pixels need."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.buffer import Buffer
from verascope.media.header import Header, check_size, header
from verascope.result import Reason, Warn
from verascope.settings import Limits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
COMPRESSED = frozenset({b"zTXt", b"iTXt", b"iCCP"})
TEXT = COMPRESSED | {b"tEXt", b"eXIf", b"caBX"}
PIECE_BYTES = 1 << 16


@dataclass
class _Found:
    """What the walk over the chunks gathers."""

    spans: list[tuple[int, int]] = field(default_factory=list)  # of PIXEL_CHUNKS
    has_pixels: bool = False
    complete: bool = False
    orientation: int = 1
    metadata_bytes: int = 0
    warnings: set[Warn] = field(default_factory=set)


def read_header(data: Buffer, limits: Limits) -> Header:
    """Size, orientation and the places of the pixel chunks; no metadata is kept.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT or TRUNCATED.
    """
    size = _read_size(data, limits)
    found = _Found()
    for kind, start, end in _chunks(data):
        if not kind.isalpha():
            _note_damage(found)
            break
        if kind == b"IEND":
            found.complete = True
            if end < len(data):
                found.warnings.add(Warn.TRAILING_DATA)
            break
        _note_chunk(data, kind, start, end, found, limits)
    if not found.has_pixels:
        reason = Reason.CORRUPT if found.complete else Reason.TRUNCATED
        raise InputTrouble(reason, "there is no image data")
    spans = tuple(found.spans)
    return header(size, found.orientation, found.warnings, complete=found.complete, spans=spans)


def _read_size(data: Buffer, limits: Limits) -> tuple[int, int]:
    if len(data) < 33:
        raise InputTrouble(Reason.TRUNCATED, "the file ends inside its header")
    if data[8:16] != b"\0\0\0\x0dIHDR":
        raise InputTrouble(Reason.CORRUPT, "the first chunk is not IHDR")
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    check_size(width, height, limits)
    return width, height


def _chunks(data: Buffer) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of each chunk, frame included; the last may end past the file."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield bytes(data[at + 4 : at + 8]), at, end
        at = end


def _note_damage(found: _Found) -> None:
    """The walk met what is no chunk: fatal before the pixels, a blemish after them."""
    if not found.has_pixels:
        raise InputTrouble(Reason.CORRUPT, "a chunk without a valid type")
    found.complete = True
    found.warnings.add(Warn.DAMAGED)


def _note_chunk(
    data: Buffer, kind: bytes, start: int, end: int, found: _Found, limits: Limits
) -> None:
    if kind in PIXEL_CHUNKS:
        if _is_usable(data, kind, start, end, found):
            found.spans.append((start, min(end, len(data))))
        found.has_pixels |= kind == b"IDAT"
    elif kind == b"acTL":
        found.warnings.add(Warn.FIRST_FRAME_ONLY)
    elif kind in TEXT:
        _note_metadata(data, kind, start + 8, min(end - 4, len(data)), found, limits)


def _is_usable(data: Buffer, kind: bytes, start: int, end: int, found: _Found) -> bool:
    """Whether the decoder gets the chunk; viewers go on without a damaged table of transparency."""
    if kind == b"IDAT":
        return True
    if kind == b"IHDR" and found.spans:
        return False
    if end > len(data):
        raise InputTrouble(Reason.TRUNCATED, "the file ends inside a header chunk")
    stored = int.from_bytes(data[end - 4 : end], "big")
    if zlib.crc32(data[start + 4 : end - 4]) == stored:
        return True
    if kind != b"tRNS":
        raise InputTrouble(Reason.CORRUPT, "a header chunk has a wrong checksum")
    found.warnings.add(Warn.DAMAGED)
    return False


def _note_metadata(
    data: Buffer, kind: bytes, start: int, end: int, found: _Found, limits: Limits
) -> None:
    """Count metadata as large as it would be; read the orientation of a small eXIf chunk."""
    room = limits.max_metadata_bytes - found.metadata_bytes
    found.metadata_bytes += end - start
    if kind in COMPRESSED:
        found.metadata_bytes += _inflated_bytes(data, start, end, room)
    if found.metadata_bytes > limits.max_metadata_bytes:
        found.warnings.add(Warn.METADATA_LIMITED)
    elif kind == b"eXIf":
        found.orientation, odd = exif.orientation(bytes(data[start:end]))
        if odd:
            found.warnings.add(Warn.METADATA_SKIPPED)


def _inflated_bytes(data: Buffer, start: int, end: int, room: int) -> int:
    """How many bytes the chunk's stream gives, counted to just over `room`, none of them kept."""
    at = _stream_start(data, start, end)
    total, inflate = 0, zlib.decompressobj()
    try:
        while at < end and total <= room and not inflate.eof:
            pending = bytes(data[at : min(at + PIECE_BYTES, end)])
            at += len(pending)
            while pending and total <= room:
                total += len(inflate.decompress(pending, PIECE_BYTES))
                pending = inflate.unconsumed_tail
    except zlib.error:
        return total
    return total


def _stream_start(data: Buffer, start: int, end: int) -> int:
    """Where a zlib stream can begin behind a keyword: at the first zlib header byte."""
    at = data.find(b"\0", start, min(end, start + 80)) + 1
    found = data.find(b"\x78", at, min(end, at + 400))
    return found if found >= 0 else end
