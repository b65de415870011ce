"""Ogg: which codec it holds, and whether its last page is there."""

import struct

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.sound_header import SoundHeader, check_format
from verascope.result import Reason

PAGE_BYTES = 27  # of a page's head, before the table of its segments
MAX_PAGE_BYTES = 27 + 255 + 255 * 255
CONTINUED, FIRST, LAST = 1, 2, 4  # flags of a page
MAX_STREAMS = 16
OPUS_RATE_HZ = 48_000  # whatever was recorded
VIDEO = (b"\x80theora", b"BBCD\0", b"OVP80", b"\x01video")


def first_packets(data: Buffer) -> list[bytes]:
    """The beginnings of the streams' first packets: each names its codec."""
    found: list[bytes] = []
    at = 0
    while len(found) < MAX_STREAMS and data[at : at + 4] == b"OggS" and at + PAGE_BYTES < len(data):
        if not data[at + 5] & FIRST:
            break
        segments = data[at + 26]
        body = at + PAGE_BYTES + segments
        found.append(bytes(data[body : body + 32]))
        at = body + sum(data[at + PAGE_BYTES : body])
    return found


def holds_video(data: Buffer) -> bool:
    """Whether one of its streams is a known video codec's."""
    return any(packet.startswith(VIDEO) for packet in first_packets(data))


def read_ogg(data: Buffer) -> SoundHeader:
    """Rate and channels by the first packet of the first stream; the length is the decoder's.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED or UNSUPPORTED_TYPE.
    """
    packets = first_packets(data)
    if not packets:
        raise InputTrouble(Reason.TRUNCATED, "it breaks off in its first page")
    rate, channels = _format(packets[0])
    check_format(rate, channels)
    last = _last_page(data)
    if last == 0:
        raise InputTrouble(Reason.TRUNCATED, "it breaks off after its first page")
    complete = bool(data[last + 5] & LAST) and _end_of_page(data, last) <= len(data)
    return SoundHeader(None, rate, channels, complete=complete)


def _format(packet: bytes) -> tuple[int, int]:
    """Rate in Hz and channels."""
    packet = packet.ljust(32, b"\0")
    if packet.startswith(b"OpusHead"):
        return OPUS_RATE_HZ, packet[9]
    if packet.startswith(b"\x01vorbis"):
        channels, rate = struct.unpack_from("<BI", packet, 11)
        return rate, channels
    if packet.startswith(b"\x7fFLAC"):
        packed = int.from_bytes(packet[27:31], "big")
        return packed >> 12, (packed >> 9 & 7) + 1
    raise InputTrouble(Reason.UNSUPPORTED_TYPE, "the codec in this Ogg file is not read")


def _last_page(data: Buffer) -> int:
    """Where the last page begins of which at least the head is there."""
    at = len(data)
    lowest = max(0, at - 2 * MAX_PAGE_BYTES)
    while (at := data.rfind(b"OggS", lowest, at)) >= 0:
        if at + PAGE_BYTES <= len(data) and data[at + 4] == 0:
            return at
    raise InputTrouble(Reason.CORRUPT, "no page at its end")


def _end_of_page(data: Buffer, at: int) -> int:
    segments = data[at + 26]
    return at + PAGE_BYTES + segments + sum(data[at + PAGE_BYTES : at + PAGE_BYTES + segments])
