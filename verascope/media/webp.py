"""WebP: the RIFF chunks, checked against their container before libwebp sees them."""

import struct
from dataclasses import dataclass, field

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.buffer import Buffer
from verascope.media.header import Header, check_size, header
from verascope.result import Reason, Warn
from verascope.settings import Limits

PIXELS = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
METADATA = frozenset({b"EXIF", b"XMP ", b"ICCP", b"C2PA"})
VP8_SYNC = b"\x9d\x01\x2a"


@dataclass
class _Found:
    """What the walk over the chunks gathers."""

    size: tuple[int, int] | None = None
    has_pixels: bool = False
    orientation: int = 1
    metadata_bytes: int = 0
    warnings: set[Warn] = field(default_factory=set)


def read_header(data: Buffer, limits: Limits) -> Header:
    """Canvas size and orientation from the chunks.

    Raises:
        InputTrouble: TOO_LARGE; CORRUPT where a chunk is larger than its container or the
            container claims more than any file may have; TRUNCATED where the file is shorter
            than its container.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > limits.max_bytes:
        raise InputTrouble(Reason.CORRUPT, f"the container claims {end:,} bytes")
    found = _Found()
    at = 12
    while at + 8 <= min(end, len(data)):
        kind = bytes(data[at : at + 4])
        start, size = at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
        if start + size > end:
            raise InputTrouble(Reason.CORRUPT, "a chunk is larger than its container")
        _note_chunk(data, kind, start, size, found, limits)
        at = start + size + size % 2
    if found.size is None or not found.has_pixels:
        reason = Reason.TRUNCATED if end > len(data) else Reason.CORRUPT
        raise InputTrouble(reason, "there is no image data")
    if end < len(data):
        found.warnings.add(Warn.TRAILING_DATA)
    return header(found.size, found.orientation, found.warnings, complete=end <= len(data))


def _note_chunk(
    data: Buffer, kind: bytes, start: int, size: int, found: _Found, limits: Limits
) -> None:
    if kind == b"VP8X":
        _note_size(_read_24(data, start + 4) + 1, _read_24(data, start + 7) + 1, found, limits)
    elif kind in PIXELS:
        found.has_pixels = True
        if kind == b"ANMF":
            found.warnings.add(Warn.FIRST_FRAME_ONLY)
        else:
            _note_size(*_bitstream_size(kind, bytes(data[start : start + 10])), found, limits)
    elif kind in METADATA:
        found.metadata_bytes += size
        if found.metadata_bytes > limits.max_metadata_bytes:
            found.warnings.add(Warn.METADATA_LIMITED)
        elif kind == b"EXIF":
            found.orientation, odd = exif.orientation(bytes(data[start : start + size]))
            if odd:
                found.warnings.add(Warn.METADATA_SKIPPED)


def _note_size(width: int, height: int, found: _Found, limits: Limits) -> None:
    """The canvas comes first; a still picture's bitstream must be within the limits as well."""
    check_size(width, height, limits)
    found.size = found.size or (width, height)


def _bitstream_size(kind: bytes, head: bytes) -> tuple[int, int]:
    if kind == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", head, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(head) >= 10 and head[3:6] == VP8_SYNC:
        width, height = struct.unpack_from("<HH", head, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise InputTrouble(Reason.CORRUPT, "the image data does not begin as WebP's does")


def _read_24(data: Buffer, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
