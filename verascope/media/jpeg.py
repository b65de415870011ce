"""JPEG: decoding with simplejpeg (libjpeg-turbo), Pillow for what it has no name for."""

from contextlib import nullcontext

import simplejpeg

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.header import MIN_PART_SIDE, Header, header
from verascope.media.jpeg_segments import bare_spans, read_segments
from verascope.media.picture import Picture, Pixels, decoded_rows, enough_of, upright
from verascope.result import Reason, Warn
from verascope.settings import Limits

SIMPLEJPEG_ERRORS = (ValueError, KeyError)
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
    usual = _decoder_agrees(data, found.size)
    # simplejpeg refuses a picture for a colour profile whose parts do not add up, and Pillow,
    # which decodes what simplejpeg does not know, would read all metadata.
    spans = bare_spans(found, len(data)) if found.has_odd_icc or not usual else ()
    complete = found.end is not None
    return header(found.size, found.orientation, found.warnings, complete=complete, spans=spans)


def decode(data: Buffer, head: Header, limits: Limits) -> Picture:
    """Decode at full size, turned upright.

    A damaged picture is decoded as far as it goes, as every viewer does: a missing end must not
    be a way around a detector.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED or MEMORY_LIMIT.
    """
    if head.spans:
        data = b"".join(data[start:end] for start, end in head.spans)
    try:
        return Picture(upright(_decode(data, limits), head.orientation))
    except InputTrouble as trouble:
        if trouble.reason is Reason.MEMORY_LIMIT:
            raise
        complaint = trouble.detail
    try:
        pixels = _decode(data, limits, strict=False)
    except InputTrouble:
        reason = Reason.CORRUPT if head.complete else Reason.TRUNCATED
        raise InputTrouble(reason, complaint) from None
    part = _part(pixels, head, complaint)
    truncated = not head.complete or len(part) < len(pixels)
    warnings = (Warn.DAMAGED,) if head.complete else ()
    return Picture(upright(part, head.orientation), truncated, warnings)


def _decode(data: Buffer, limits: Limits, *, strict: bool = True) -> Pixels:
    """All pixels as stored; if not strict, those after an error in the decoder's filling."""
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(data, strict=strict)
        return pixels
    except MemoryError:
        raise InputTrouble(Reason.MEMORY_LIMIT, "decoding ran out of memory") from None
    except SIMPLEJPEG_ERRORS as error:
        if not _is_unknown_sampling(error):
            raise _trouble(error) from None
    return _decode_by_pillow(data, limits, strict)


def _decode_by_pillow(data: Buffer, limits: Limits, strict: bool) -> Pixels:
    from verascope.media.pillow import lenient, opened, to_rgb, untrusted

    errors = nullcontext() if strict else lenient()
    with untrusted(), errors, opened(data, "image/jpeg", limits) as image:
        return to_rgb(image)


def _trouble(error: Exception) -> InputTrouble:
    memory = "insufficient memory" in str(error).lower()
    return InputTrouble(Reason.MEMORY_LIMIT if memory else Reason.CORRUPT, str(error))


def _is_unknown_sampling(error: Exception) -> bool:
    """Colour sampled in a way that simplejpeg has no name for (4:1:0, 3:1, …)."""
    return isinstance(error, KeyError) or "subsampling" in str(error)


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


def _decoder_agrees(data: Buffer, size: tuple[int, int]) -> bool:
    """Whether simplejpeg knows this kind of JPEG.

    Raises:
        InputTrouble: CORRUPT where it reads another size than the one that limits were held to.
    """
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    except SIMPLEJPEG_ERRORS as error:
        if _is_unknown_sampling(error):
            return False
        raise InputTrouble(Reason.CORRUPT, str(error)) from None
    if (width, height) != size:
        raise InputTrouble(Reason.CORRUPT, "contradicting frame headers")
    return True
