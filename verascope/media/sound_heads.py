"""The heads of MPEG audio frames (MP3) and of AAC frames in ADTS: format and length of each."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from verascope.media.buffer import Buffer

# By version (0: 2.5, 2: 2, 3: 1), in Hz.
MPEG_RATES = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
# kbit/s by whether it is version 1, and layer.
MPEG_KBITS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
VERSION_1 = 3
ADTS_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000, 24000),
    *(22050, 16000, 12000, 11025, 8000, 7350),
)
ADTS_CHANNELS = (2, 1, 2, 3, 4, 5, 6, 8)  # by configuration; for 0 the stream says it further on
ADTS_HEAD_BYTES = 7
HEAD_BYTES = 8  # enough for either

# The size of the frame at a place, in bytes; 0 where none of the stream begins there.
SizeAt: TypeAlias = Callable[[Buffer, int], int]


class Head(NamedTuple):
    """What the head of a frame says; all frames of a stream have the same `stream`."""

    stream: tuple[int, ...]
    rate: int
    channels: int
    samples: int
    size: int
    is_mp3: bool = False  # and not layer I or II, or AAC


def mpeg_head(head: bytes) -> Head | None:
    """The head of an MPEG audio frame of any version and layer, None if it is not one."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    kbit, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or kbit in (0, 15) or rate == 3:
        return None
    first = version == VERSION_1
    samples = 384 if layer == 1 else 576 if layer == 3 and not first else 1152
    rate_hz = MPEG_RATES[version][rate]
    slots = samples * 125 * MPEG_KBITS[first, layer][kbit - 1] // rate_hz
    slot = 4 if layer == 1 else 1
    size = (slots // slot + (head[2] >> 1 & 1)) * slot
    channels = 1 if head[3] >> 6 == 3 else 2
    return Head((version, layer, rate), rate_hz, channels, samples, size, layer == 3)


def mpeg_count(like: Head, frames: int) -> bytes:
    """A frame for an MP3's start that holds no sound but the count of the frames behind it."""
    version, _, rate = like.stream
    mono = like.channels == 1
    if version == VERSION_1:
        side, kbit = (17 if mono else 32), 9
    else:
        side, kbit = (9 if mono else 17), 14
    head = bytes((0xFF, 0xE3 | version << 3, kbit << 4 | rate << 2, 0xC0 if mono else 0))
    parsed = mpeg_head(head)
    assert parsed is not None
    count = b"Info" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    return (head + bytes(side) + count).ljust(parsed.size, b"\0")


def adts_head(head: bytes) -> Head | None:
    """The head of an AAC frame in ADTS, None if it is not one."""
    if len(head) < ADTS_HEAD_BYTES or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate, channels, size = head[2] >> 2 & 15, (head[2] & 1) << 2 | head[3] >> 6, _adts_size(head)
    if rate >= len(ADTS_RATES) or size < ADTS_HEAD_BYTES:
        return None
    return Head((rate, head[2] >> 6), ADTS_RATES[rate], ADTS_CHANNELS[channels], 1024, size)


def mpeg_sizes(first: Head) -> SizeAt:
    """How long the frames of this stream are; most heads in a file are alike, so they are kept."""
    known: dict[bytes, int] = {}

    def size_at(data: Buffer, at: int) -> int:
        four = data[at : at + 4]
        size = known.get(four)
        if size is None:
            head = mpeg_head(four)
            size = head.size if head is not None and head.stream == first.stream else 0
            known[four] = size
        return size

    return size_at


def adts_sizes(first: Head) -> SizeAt:
    """How long the frames of this stream are."""

    def size_at(data: Buffer, at: int) -> int:
        seven = data[at : at + ADTS_HEAD_BYTES]
        head = adts_head(seven)
        return head.size if head is not None and head.stream == first.stream else 0

    return size_at


def _adts_size(head: bytes) -> int:
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
