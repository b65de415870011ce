"""ID3v2 tags in front of sound: how long they are; nothing in them is read or inflated."""

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.result import Reason, Warn
from verascope.settings import Limits

HEAD_BYTES = 10
FOOTER = 0x10  # flag of the tag: ten more bytes at its end
COMPRESSED, HAS_LENGTH = 0x08, 0x01  # flags of a frame, version 2.4


def end_of_tags(data: Buffer) -> int:
    """Where the sound begins; past the file's end if a tag claims so."""
    at = 0
    while data[at : at + 3] == b"ID3" and at + HEAD_BYTES <= len(data):
        footer = HEAD_BYTES if data[at + 5] & FOOTER else 0
        at += HEAD_BYTES + _size(data, at + 6) + footer
    return at


def check_tags(data: Buffer, limits: Limits) -> tuple[int, tuple[Warn, ...]]:
    """Where the sound begins, and a warning where the tags hold more than the limit.

    Raises:
        InputTrouble: CORRUPT where a tag claims more bytes than there are.
    """
    end = end_of_tags(data)
    if end > len(data):
        raise InputTrouble(Reason.CORRUPT, f"a tag claims {end:,} bytes, the file has fewer")
    too_much = end > limits.max_metadata_bytes or _inflated(data, end) > limits.max_metadata_bytes
    return end, (Warn.METADATA_LIMITED,) if too_much else ()


def _inflated(data: Buffer, end: int) -> int:
    """What the compressed frames of the first tag claim to hold, in bytes (version 2.4)."""
    claimed, at = 0, HEAD_BYTES
    while data[:4] == b"ID3\x04" and at + 14 <= end and data[at]:
        if data[at + 9] & COMPRESSED and data[at + 9] & HAS_LENGTH:
            claimed += _size(data, at + 10)
        at += 10 + _size(data, at + 4)
    return claimed


def _size(data: Buffer, at: int) -> int:
    """Four bytes of seven bits each."""
    a, b, c, d = (byte & 127 for byte in data[at : at + 4])
    return a << 21 | b << 14 | c << 7 | d
