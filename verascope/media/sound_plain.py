"""FLAC, AU and CAF: where their samples lie, and whether the file reaches as far as it claims."""

import struct

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.id3 import check_tags
from verascope.media.sound_header import SoundHeader, Span, check_format, check_length
from verascope.result import Reason
from verascope.settings import Limits

STREAMINFO_BYTES = 34
LAST_BLOCK = 0x80
UNKNOWN_32 = 0xFFFF_FFFF
DESCRIPTION = struct.Struct(">d4sIIIII")  # of a CAF: rate, format, flags, sizes, channels, bits


def read_flac(data: Buffer, limits: Limits) -> SoundHeader:
    """STREAMINFO alone; pictures, tags and seek tables are kept from the decoder.

    Raises:
        InputTrouble: CORRUPT or TOO_LARGE.
    """
    start, warnings = check_tags(data, limits)
    info = bytes(data[start + 8 : start + 8 + STREAMINFO_BYTES])
    if len(info) < STREAMINFO_BYTES or data[start + 4] & 0x7F != 0:
        raise InputTrouble(Reason.CORRUPT, "it does not begin with a STREAMINFO block")
    packed = int.from_bytes(info[10:18], "big")
    rate, channels = packed >> 44, (packed >> 41 & 7) + 1
    samples = packed & (1 << 36) - 1
    check_format(rate, channels)
    check_length(samples / rate, rate, len(data), limits)
    front = b"fLaC" + bytes((LAST_BLOCK, 0, 0, STREAMINFO_BYTES)) + info
    spans = (Span(_end_of_blocks(data, start + 4), len(data), front),)
    duration_s = samples / rate if samples else None
    return SoundHeader(duration_s, rate, channels, warnings, spans=spans)


def _end_of_blocks(data: Buffer, at: int) -> int:
    """Where the audio frames begin. The walk is bounded by the file's size."""
    last = False
    while not last:
        if at + 4 > len(data):
            raise InputTrouble(Reason.TRUNCATED, "it breaks off before the first frame")
        last = bool(data[at] & LAST_BLOCK)
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


def read_au(data: Buffer) -> SoundHeader:
    """The six words of a Sun audio file.

    Raises:
        InputTrouble: CORRUPT; TRUNCATED where no sample is left.
    """
    if len(data) < 24:
        raise InputTrouble(Reason.TRUNCATED, "it breaks off in its header")
    offset, size, _, rate, channels = struct.unpack_from(">IIIII", data, 4)
    check_format(rate, channels)
    if offset >= len(data):
        raise InputTrouble(Reason.TRUNCATED, "no sample is left")
    complete = size == UNKNOWN_32 or offset + size <= len(data)
    return SoundHeader(None, rate, channels, complete=complete)


def read_caf(data: Buffer) -> SoundHeader:
    """The description and the size of the data chunk of a Core Audio file.

    Raises:
        InputTrouble: CORRUPT; TRUNCATED where it breaks off before its samples.
    """
    if len(data) < 20 + DESCRIPTION.size or data[8:12] != b"desc":
        raise InputTrouble(Reason.CORRUPT, "it does not begin with its description")
    real_rate, _, _, _, _, channels, _ = DESCRIPTION.unpack_from(data, 20)
    rate = int(real_rate) if 0 < real_rate < UNKNOWN_32 else 0
    check_format(rate, channels)
    at = 8
    while at + 12 <= len(data):
        kind, size = struct.unpack_from(">4sq", data, at)
        if kind == b"data":
            complete = size == -1 or at + 12 + size <= len(data)
            return SoundHeader(None, rate, channels, complete=complete)
        if size < 0:
            raise InputTrouble(Reason.CORRUPT, "a chunk of a negative size")
        at += 12 + size
    raise InputTrouble(Reason.TRUNCATED, "it breaks off before its samples")
