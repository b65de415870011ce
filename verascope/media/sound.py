"""Sound files: length, rate and warnings before any decode, then mono samples at 16 kHz.

`decode` takes any rate, any number of channels and any width of sample, in pieces, so that its
memory does not grow with the file. Both functions raise nothing but InputTrouble.
"""

from collections.abc import Sequence
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.boxes import read_mp4
from verascope.media.buffer import Buffer
from verascope.media.excerpts import RATE_HZ, Cut, Reader, Samples, cut_out, places
from verascope.media.quiet import quiet
from verascope.media.sound_chunks import read_aiff, read_wav
from verascope.media.sound_frames import read_frames
from verascope.media.sound_header import SoundHeader, Span, check_length
from verascope.media.sound_ogg import read_ogg
from verascope.media.sound_plain import read_au, read_caf, read_flac
from verascope.media.span_file import SpanFile
from verascope.media.types import SOUNDS, MediaType
from verascope.result import Reason, Warn
from verascope.settings import Limits

__all__ = ["RATE_HZ", "Part", "Sound", "SoundHeader", "decode", "read_header"]

BY_FFMPEG = frozenset({"audio/aac", "audio/mp4"})
UNSAID = frozenset({"audio/wav", "audio/aiff", "audio/basic", "audio/x-caf", "audio/ogg"})
# Less than the header claims by this, and by a hundredth, is not cut off: an MP3 of 16 kHz counts
# its encoder's delay and padding, up to 0.14 s.
MISSING_S = 0.2


class Part(Struct, frozen=True, eq=False):
    """A stretch of a recording that was decoded.

    Attributes:
        start_s: where it starts in the recording, in seconds.
        samples: int16 [n], mono, 16 kHz.
    """

    start_s: float
    samples: Samples


class Sound(Struct, frozen=True, eq=False):
    """What a player plays of a sound file, or excerpts of a long one.

    Attributes:
        parts: in the order of time; one that starts at 0 for all of it.
        duration_s: of all of the recording; None where it runs on and nothing tells how long.
        truncated: sound at the file's end is missing.
        warnings: what was odd about it, and `sampled` where the parts are excerpts.
    """

    parts: tuple[Part, ...]
    duration_s: float | None
    truncated: bool = False
    warnings: tuple[Warn, ...] = ()


def read_header(file: BinaryIO, data: Buffer, media_type: MediaType, limits: Limits) -> SoundHeader:
    """What the file says of itself, as far as its size allows; decodes nothing.

    Args:
        file: the whole input, open for reading.
        data: the same in memory.
        media_type: as `judgeable` returned it.
        limits: duration and metadata bytes are held here.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT, TRUNCATED, ENCRYPTED or UNSUPPORTED_TYPE.
    """
    name = media_type.name
    if name not in SOUNDS:
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"{name} is not read")
    header = _walked(data, name, limits)
    if header.duration_s is None and name in UNSAID:
        with quiet(), _opened(file, name, *header.spans) as reader:
            header = msgspec.structs.replace(header, duration_s=reader.duration_s)
    if header.duration_s is not None:
        check_length(header.duration_s, header.rate, len(data), limits)
    return header


def _walked(data: Buffer, name: str, limits: Limits) -> SoundHeader:
    """What a walk over the file's structure gives, before a library sees it."""
    match name:
        case "audio/wav":
            return read_wav(data)
        case "audio/aiff":
            return read_aiff(data)
        case "audio/flac":
            return read_flac(data, limits)
        case "audio/ogg":
            return read_ogg(data)
        case "audio/basic":
            return read_au(data)
        case "audio/x-caf":
            return read_caf(data)
        case "audio/mp4":
            return read_mp4(data, limits)
    return read_frames(data, name, limits)


def decode(file: BinaryIO, media_type: MediaType, header: SoundHeader, limits: Limits) -> Sound:
    """All of a recording up to `limits.max_judged_s`; of a longer one evenly spaced excerpts.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED, UNSUPPORTED_TYPE or MEMORY_LIMIT.
    """
    starts, length_s = places(header.duration_s or 0.0, limits)
    with quiet():
        try:
            if len(header.spans) > 1:  # an excerpt each
                cuts = [_cut_span(file, media_type.name, span) for span in header.spans]
            else:
                most_s = limits.max_judged_s if length_s is None else length_s
                cuts = _cut_all(file, media_type.name, header, starts, most_s)
        except MemoryError as error:
            raise InputTrouble(Reason.MEMORY_LIMIT, "decoding it takes too much memory") from error
    return _whole(cuts[0], header) if length_s is None else _excerpts(cuts, header, length_s)


def _cut_span(file: BinaryIO, name: str, span: Span) -> Cut:
    assert span.length_s is not None
    with _opened(file, name, span) as reader:
        cut = cut_out(reader, 0.0, span.lead_s, span.length_s)
    return cut._replace(start_s=span.start_s)


def _cut_all(
    file: BinaryIO, name: str, header: SoundHeader, starts: Sequence[float], length_s: float
) -> list[Cut]:
    with _opened(file, name, *header.spans) as reader:
        return [cut_out(reader, start_s, 0.0, length_s) for start_s in starts]


def _opened(file: BinaryIO, name: str, *spans: Span) -> Reader:
    """The library's reader, over what of the file it gets to see."""
    file.seek(0)
    seen: Any = file
    if spans:
        seen = SpanFile(file, spans[0].start, spans[0].end, spans[0].front)
    if name in BY_FFMPEG:
        from verascope.media.sound_av import AvReader

        return AvReader(seen, name)
    from verascope.media.sound_file import FileReader

    return FileReader(seen, name)


def _whole(cut: Cut, header: SoundHeader) -> Sound:
    length_s = len(cut.samples) / RATE_HZ
    if not length_s:
        reason = Reason.CORRUPT if header.complete else Reason.TRUNCATED
        raise InputTrouble(reason, "no sound of it can be decoded")
    claimed_s = length_s if header.duration_s is None else header.duration_s
    truncated = not header.complete or _falls_short(length_s, claimed_s)
    duration_s = None if cut.more else length_s
    parts = (Part(0.0, cut.samples),)
    return Sound(parts, duration_s, truncated, _warnings([cut], sampled=cut.more))


def _excerpts(cuts: list[Cut], header: SoundHeader, length_s: float) -> Sound:
    """Those excerpts of which there is something."""
    parts = tuple(Part(cut.start_s, cut.samples) for cut in cuts if len(cut.samples))
    if not parts:
        raise InputTrouble(Reason.CORRUPT, "no sound of it can be decoded")
    short = any(_falls_short(len(cut.samples) / RATE_HZ, length_s) for cut in cuts)
    truncated = not header.complete or short
    return Sound(parts, header.duration_s, truncated, _warnings(cuts, sampled=True))


def _falls_short(there_s: float, claimed_s: float) -> bool:
    return claimed_s - there_s > max(MISSING_S, claimed_s / 100)


def _warnings(cuts: list[Cut], *, sampled: bool) -> tuple[Warn, ...]:
    damaged = (Warn.DAMAGED,) if any(cut.damaged for cut in cuts) else ()
    return (*damaged, Warn.SAMPLED) if sampled else damaged
