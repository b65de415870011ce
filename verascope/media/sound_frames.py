"""MP3, and AAC in ADTS: streams of frames that tell their own length, walked from head to head.

The walk gives the true length, whatever a header in front claims, and where to cut excerpts: a run
of frames is a stream of its own.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.excerpts import places
from verascope.media.id3 import check_tags
from verascope.media.sound_header import SoundHeader, Span, check_format
from verascope.media.sound_heads import (
    HEAD_BYTES,
    Head,
    SizeAt,
    adts_head,
    adts_sizes,
    mpeg_count,
    mpeg_head,
    mpeg_sizes,
)
from verascope.result import Reason, Warn
from verascope.settings import Limits

MAX_JUNK_BYTES = 1 << 20  # passed over in all, in search of a frame
COUNT_BYTES = 192  # of the first frame, in which an MP3's count of frames stands
HAS_COUNT = 1  # flag


class _Kind(NamedTuple):
    """How the frames of a format are read."""

    head: Callable[[bytes], Head | None]
    sizes: Callable[[Head], SizeAt]
    # Decoded before a wanted frame: MP3's lean on those before (bits kept back, up to 511 bytes,
    # and an overlap), AAC's on one.
    lead: int


KINDS = {
    "audio/mpeg": _Kind(mpeg_head, mpeg_sizes, 12),
    "audio/aac": _Kind(adts_head, adts_sizes, 3),
}


@dataclass
class _Walk:
    """Where each frame of sound begins, and where the last one ends."""

    first: Head
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    end: int = 0
    count_at: int | None = None  # the frame with a count that is right
    damaged: bool = False

    @property
    def frame_s(self) -> float:
        return self.first.samples / self.first.rate


def read_frames(data: Buffer, name: str, limits: Limits) -> SoundHeader:
    """The header of an MP3 (`audio/mpeg`) or of AAC in ADTS (`audio/aac`), by all of its frames.

    Raises:
        InputTrouble: CORRUPT or TOO_LARGE.
    """
    start, warnings = check_tags(data, limits)
    kind = KINDS[name]
    walk = _walk(data, start, kind, limits)
    first = walk.first
    check_format(first.rate, first.channels)
    counted = not first.is_mp3 or _heed_count(data, walk)
    complete = counted and walk.end <= len(data)
    if walk.damaged:
        warnings = (*warnings, Warn.DAMAGED)
    duration_s = len(walk.offsets) * walk.frame_s
    spans = _spans(walk, min(walk.end, len(data)), kind.lead, limits)
    return SoundHeader(duration_s, first.rate, first.channels, warnings, complete, spans=spans)


def _walk(data: Buffer, start: int, kind: _Kind, limits: Limits) -> _Walk:
    at, first = _first(data, start, kind)
    size_at, budget = kind.sizes(first), MAX_JUNK_BYTES - (at - start)
    walk = _Walk(first)
    most = int(limits.max_duration_s / walk.frame_s) + 1
    add, end = walk.offsets.append, len(data)
    while at < end:
        size = size_at(data, at)
        if size == 0:
            found = _sync(data, at + 1, size_at, budget)
            if found < 0:
                break
            budget, at, walk.damaged = budget - (found - at), found, True
            continue
        add(at)
        at += size
        walk.end = at
        if len(walk.offsets) > most:
            detail = f"over {limits.max_duration_s:,.0f} s, the limit"
            raise InputTrouble(Reason.TOO_LARGE, detail)
    return walk


def _first(data: Buffer, start: int, kind: _Kind) -> tuple[int, Head]:
    """Where the first frame begins that another one of its stream, or the end, follows."""
    at, last = start, min(len(data), start + MAX_JUNK_BYTES)
    while 0 <= at < last:
        head = kind.head(bytes(data[at : at + HEAD_BYTES]))
        if head is not None and _followed(data, at, kind.sizes(head)):
            return at, head
        at = data.find(b"\xff", at + 1, last)
    raise InputTrouble(Reason.CORRUPT, "there is no frame of sound in it")


def _sync(data: Buffer, at: int, size_at: SizeAt, budget: int) -> int:
    """The next place where two frames of the stream follow each other, -1 if there is none."""
    last = min(len(data), at + budget)
    at = data.find(b"\xff", at, last)
    while at >= 0 and not _followed(data, at, size_at):
        at = data.find(b"\xff", at + 1, last)
    return at


def _followed(data: Buffer, at: int, size_at: SizeAt) -> bool:
    size = size_at(data, at)
    return size > 0 and (at + size >= len(data) or size_at(data, at + size) > 0)


def _heed_count(data: Buffer, walk: _Walk) -> bool:
    """Whether there are as many frames as the first one claims, if it holds a count of them.

    It is no sound. It is kept for what it tells of the encoder's delay, if its count is right, and
    left out otherwise, because the decoder would stop there.
    """
    at = walk.offsets[0]
    head = bytes(data[at : at + COUNT_BYTES])
    tag = max(head.find(b"Xing"), head.find(b"Info"))
    if tag < 0 or len(walk.offsets) < 2:
        return True
    walk.offsets.pop(0)
    if not head[tag + 7] & HAS_COUNT:
        return True
    claimed, frames = int.from_bytes(head[tag + 8 : tag + 12], "big"), len(walk.offsets)
    if abs(frames - claimed) <= 1 + claimed // 100:
        walk.count_at = at
    return frames >= claimed - 1 - claimed // 100


def _spans(walk: _Walk, end: int, lead: int, limits: Limits) -> tuple[Span, ...]:
    """All frames, or those that the excerpts of a long recording need."""
    starts, length_s = places(len(walk.offsets) * walk.frame_s, limits)
    if length_s is None:
        if walk.count_at is not None:
            return (Span(walk.count_at, end),)
        return (Span(walk.offsets[0], end, front=_count(walk.first, len(walk.offsets))),)
    frames = int(length_s / walk.frame_s) + 2
    return tuple(_span(walk, end, lead, start_s, length_s, frames) for start_s in starts)


def _span(walk: _Walk, end: int, lead: int, start_s: float, length_s: float, frames: int) -> Span:
    wanted = int(start_s / walk.frame_s)
    first, after = max(0, wanted - lead), min(wanted + frames, len(walk.offsets))
    stop = walk.offsets[after] if after < len(walk.offsets) else end
    front = _count(walk.first, after - first)
    lead_s = start_s - first * walk.frame_s
    return Span(walk.offsets[first], stop, front, start_s, lead_s, length_s)


def _count(first: Head, frames: int) -> bytes:
    """A frame that holds the true count; without one, libmpg123 guesses and stops at its guess."""
    return mpeg_count(first, frames) if first.is_mp3 else b""
