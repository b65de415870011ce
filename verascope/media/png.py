"""PNG: the decoder gets the chunks of the first picture alone, and of a broken one its rows."""

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.header import Header
from verascope.media.picture import Picture, Pixels, enough_of, upright
from verascope.media.pillow import opened, to_rgb, untrusted
from verascope.media.png_chunks import SIGNATURE, read_header
from verascope.media.png_rows import shortened
from verascope.result import Reason, Warn
from verascope.settings import Limits

__all__ = ["decode", "read_header"]

IEND = b"\0\0\0\0IEND\xaeB`\x82"


def decode(data: Buffer, head: Header, limits: Limits) -> Picture:
    """Decode the default image, turned upright; the rows that are there if its data breaks off.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED or MEMORY_LIMIT.
    """
    detail = "rows are missing"
    try:
        pixels = _decode(_joined(data, head), limits)
        if not _may_lack_rows(pixels):
            return _whole(pixels, head)
    except InputTrouble as trouble:
        if trouble.reason not in (Reason.CORRUPT, Reason.TRUNCATED):
            raise
        detail, pixels = trouble.detail, None
    part = shortened([bytes(data[start:end]) for start, end in head.spans])
    if pixels is not None and part.whole:
        return _whole(pixels, head)
    reason = Reason.CORRUPT if part.broken else Reason.TRUNCATED
    if part.chunks is None:
        raise InputTrouble(reason, detail)
    upper = _decode(b"".join((SIGNATURE, *part.chunks, IEND)), limits)
    truncated = not (part.whole and head.complete)
    if truncated:
        enough_of(upper, reason, detail)
    warnings = (Warn.DAMAGED,) if part.broken else ()
    return Picture(upright(upper, head.orientation), truncated, warnings)


def _may_lack_rows(pixels: Pixels) -> bool:
    """Pillow leaves rows black (or the first colour) without a word if the stream ends before."""
    return any(bool((row == row[0]).all()) for row in pixels[-2:])


def _whole(pixels: Pixels, head: Header) -> Picture:
    if not head.complete:
        enough_of(pixels, Reason.TRUNCATED, "the file ends before its end chunk")
    return Picture(upright(pixels, head.orientation), not head.complete)


def _joined(data: Buffer, head: Header) -> bytes:
    """A PNG of the pixel chunks alone; copied once."""
    with memoryview(data) as view:
        return b"".join((SIGNATURE, *(view[start:end] for start, end in head.spans), IEND))


def _decode(stream: bytes, limits: Limits) -> Pixels:
    with untrusted(), opened(stream, "image/png", limits) as image:
        return to_rgb(image)
