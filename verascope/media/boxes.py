"""ISO boxes of an MP4's sound: its format and length, whether it is encrypted or cut off."""

import struct
from collections.abc import Iterator

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.sound_header import SoundHeader, check_format, check_length
from verascope.result import Reason
from verascope.settings import Limits

MAX_BOXES = 100_000  # at one level; more are not looked at
ENCRYPTED = frozenset({b"drms", b"enca"})
READ = frozenset(
    {b"mp4a", b"alac", b"Opus", b"fLaC", b".mp3", b"lpcm", b"sowt", b"twos", b"ipcm", b"fpcm"}
    | {b"in24", b"in32", b"fl32", b"fl64", b"raw ", b"ulaw", b"alaw"}
)
UNKNOWN = (0, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)


def read_mp4(data: Buffer, limits: Limits) -> SoundHeader:
    """The header of the first track of sound.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED, TOO_LARGE, ENCRYPTED or UNSUPPORTED_TYPE.
    """
    top = list(boxes(data, 0, len(data)))
    complete = not top or top[-1][2] <= len(data)
    movie = next((box for box in top if box[0] == b"moov"), None)
    if movie is None or movie[2] > len(data):
        reason = Reason.CORRUPT if complete and movie is None and len(top) < 2 else Reason.TRUNCATED
        raise InputTrouble(reason, "its index is missing")
    for track in _all(data, movie, b"trak"):
        media = _child(data, track, b"mdia")
        handler = media and _child(data, media, b"hdlr")
        if media and handler and data[handler[1] + 8 : handler[1] + 12] == b"soun":
            return _header(data, media, complete, limits)
    raise InputTrouble(Reason.CORRUPT, "there is no track of sound in it")


Box = tuple[bytes, int, int]  # kind, where its content starts, where it ends


def boxes(data: Buffer, at: int, end: int) -> Iterator[Box]:
    """The boxes between two places; the last one may claim to end beyond."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= end:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        stop = end if size == 0 else at + size
        if stop < start:
            return
        yield kind, start, stop
        at = stop


def _all(data: Buffer, parent: Box, kind: bytes) -> Iterator[Box]:
    end = min(parent[2], len(data))
    return (box for box in boxes(data, parent[1], end) if box[0] == kind)


def _child(data: Buffer, parent: Box, *path: bytes) -> Box | None:
    box: Box | None = parent
    for kind in path:
        box = next(_all(data, box, kind), None) if box else None
    return box


def _header(data: Buffer, media: Box, complete: bool, limits: Limits) -> SoundHeader:
    scale, ticks = _time(data, media)
    rate, channels = _format(data, media)
    rate = rate or scale
    check_format(rate, channels)
    duration_s = None if ticks in UNKNOWN else ticks / scale
    if duration_s is not None:
        check_length(duration_s, rate, len(data), limits)
    return SoundHeader(duration_s, rate, channels, complete=complete)


def _time(data: Buffer, media: Box) -> tuple[int, int]:
    """Ticks a second, and ticks in all."""
    box = _child(data, media, b"mdhd")
    if box is None or box[2] - box[1] < 24 or box[1] + 36 > len(data):
        raise InputTrouble(Reason.CORRUPT, "the track says nothing of its length")
    layout = ">IQ" if data[box[1]] == 1 else ">II"
    scale, ticks = struct.unpack_from(layout, data, box[1] + (20 if data[box[1]] == 1 else 12))
    if scale == 0:
        raise InputTrouble(Reason.CORRUPT, "the track's time scale is 0")
    return scale, ticks


def _format(data: Buffer, media: Box) -> tuple[int, int]:
    """Rate in Hz (0 where it says none) and channels of the first sample entry."""
    table = _child(data, media, b"minf", b"stbl", b"stsd")
    if table is None or table[1] + 8 + 36 > len(data):
        raise InputTrouble(Reason.CORRUPT, "the track does not say what is in it")
    entries = list(boxes(data, table[1] + 8, min(table[2], len(data))))[:8]
    kinds = {kind for kind, _, _ in entries}
    if kinds & ENCRYPTED:
        raise InputTrouble(Reason.ENCRYPTED, "its sound is protected")
    if not entries or not kinds <= READ:
        codec = b"/".join(sorted(kinds)).decode("latin-1")
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"sound of {codec!a} in MP4 is not read")
    start = entries[0][1]
    channels, _, _, _, rate = struct.unpack_from(">HHHHI", data, start + 16)
    return rate >> 16, channels
