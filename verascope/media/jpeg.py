"""JPEG: decoding with simplejpeg (libjpeg-turbo), Pillow for what it has no name for."""

import simplejpeg

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.header import MIN_PART_SIDE, Header, header
from verascope.media.jpeg_segments import bare_spans, read_segments
from verascope.media.picture import Picture, Pixels, decoded_rows, enough_of, upright
from verascope.result import Reason, Warn
from verascope.settings import Limits

SIMPLEJPEG_ERRORS = (ValueError, KeyError)
UNKNOWN_SAMPLING = "subsampling"
# libjpeg decodes missing blocks as zero coefficients: mid grey, in CMYK 65 after conversion.
# Pillow leaves them black.
FILLS = frozenset({0, 65, 128})
# A complaint of libjpeg that leaves every pixel as it should be.
HARMLESS = "extraneous bytes before marker"


def read_header(data: Buffer, limits: Limits) -> Header:
    """Size and orientation from the segments before the first scan.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT, TRUNCATED or UNSUPPORTED_TYPE.
    """
    found = read_segments(data, limits)
    _check_decoder_agrees(data, found.size)
    return header(
        found.size,
        found.orientation,
        found.warnings,
        complete=found.end is not None,
        spans=bare_spans(found, len(data)),
    )


def decode(data: Buffer, head: Header, limits: Limits) -> Picture:
    """Decode at full size, turned upright.

    A damaged picture is decoded as far as it goes, as every viewer does: a missing end must not
    be a way around a detector.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED or MEMORY_LIMIT.
    """
    if Warn.METADATA_SKIPPED in head.warnings:  # libjpeg may refuse the picture for it
        data = _bare(data, head)
    try:
        return Picture(upright(_decode(data), head.orientation))
    except SIMPLEJPEG_ERRORS as error:
        complaint = str(error)
    pixels = _decode_damaged(data, head, limits)
    part = _part(pixels, head, complaint)
    truncated = not head.complete or len(part) < len(pixels)
    warnings = (Warn.DAMAGED,) if head.complete and UNKNOWN_SAMPLING not in complaint else ()
    return Picture(upright(part, head.orientation), truncated, warnings)


def _decode(data: Buffer, *, strict: bool = True) -> Pixels:
    """All pixels as stored; if not strict, those after an error in the decoder's filling."""
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, strict=strict)
    except MemoryError:
        raise InputTrouble(Reason.MEMORY_LIMIT, "decoding ran out of memory") from None
    except ValueError as error:
        if "insufficient memory" in str(error).lower():
            raise InputTrouble(Reason.MEMORY_LIMIT, str(error)) from None
        raise
    return pixels


def _decode_damaged(data: Buffer, head: Header, limits: Limits) -> Pixels:
    """What simplejpeg can say of the picture; Pillow, where it refuses what viewers show.

    Those are bytes between header segments and colour sampled in an unusual way (4:1:0, 3:1, …).
    """
    try:
        return _decode(data, strict=False)
    except SIMPLEJPEG_ERRORS:
        from verascope.media.pillow import lenient, opened, to_rgb, untrusted

    bare = _bare(data, head)  # Pillow would read all metadata
    with untrusted(head.complete), lenient(), opened(bare, "image/jpeg", limits) as image:
        return to_rgb(image)


def _bare(data: Buffer, head: Header) -> bytes:
    return b"".join(data[start:end] for start, end in head.spans)


def _part(pixels: Pixels, head: Header, complaint: str) -> Pixels:
    """The rows that were decoded, of a file that is cut off or damaged.

    Raises:
        InputTrouble: they are too few, and more than a blemish beside the pixels is wrong.
    """
    grey = pixels[-1, -1].max() == pixels[-1, -1].min() and int(pixels[-1, -1, 0]) in FILLS
    part = decoded_rows(pixels) if grey else pixels
    if head.complete and HARMLESS in complaint:
        return part if min(part.shape[:2]) >= MIN_PART_SIDE else pixels
    if head.complete and len(part) == len(pixels):
        return pixels
    return enough_of(part, Reason.CORRUPT if head.complete else Reason.TRUNCATED, complaint)


def _check_decoder_agrees(data: Buffer, size: tuple[int, int]) -> None:
    """The limits must have been held against the size that the decoder will allocate."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    except SIMPLEJPEG_ERRORS:
        return  # it will not decode it either
    if (width, height) != size:
        raise InputTrouble(Reason.CORRUPT, "contradicting frame headers")
