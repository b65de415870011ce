"""The formats that Pillow's plugins decode without our help: WebP, AVIF, HEIC, GIF, TIFF, BMP."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.buffer import Buffer
from verascope.media.header import Header, header
from verascope.media.picture import Picture, Pixels, decoded_rows, enough_of, upright
from verascope.media.pillow import opened, to_rgb, untrusted
from verascope.result import Reason, Warn
from verascope.settings import Limits

# Plugins that can hand over the rows that came before an error.
ROW_BY_ROW = frozenset({"image/bmp", "image/gif", "image/tiff"})


def read_header(data: Buffer, name: str, limits: Limits) -> Header:
    """Size and orientation of a BMP, AVIF or HEIC, whose plugins decode nothing on opening.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT or TRUNCATED.
    """
    end = len(data) if name == "image/bmp" else _end_of_boxes(data)
    warnings = {Warn.TRAILING_DATA} if end < len(data) else set()
    with untrusted(end <= len(data)), opened(data, name, limits) as image:
        if getattr(image, "n_frames", 1) > 1:
            warnings.add(Warn.FIRST_FRAME_ONLY)
        turn, odd = _turn(image.info.get("exif"), limits) if name != "image/heic" else (1, False)
        if odd:
            warnings.add(Warn.METADATA_SKIPPED)
        return header(image.size, turn, warnings, complete=end <= len(data))


def decode(data: Buffer, name: str, head: Header, limits: Limits) -> Picture:
    """Decode the first frame, turned upright; the rows before an error where the format has rows.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED, TOO_LARGE or MEMORY_LIMIT.
    """
    try:
        pixels = _decode(data, name, head, limits)
        return Picture(upright(pixels, head.orientation))
    except InputTrouble as trouble:
        if name not in ROW_BY_ROW or trouble.reason not in (Reason.CORRUPT, Reason.TRUNCATED):
            raise
        whole = trouble
    with _lenient():
        pixels = _decode(data, name, head, limits)
    part = enough_of(_rows(pixels, name), whole.reason, whole.detail)
    warnings = (Warn.DAMAGED,) if whole.reason is Reason.CORRUPT else ()
    truncated = whole.reason is Reason.TRUNCATED or len(part) < len(pixels)
    return Picture(upright(part, head.orientation), truncated, warnings)


def _decode(data: Buffer, name: str, head: Header, limits: Limits) -> Pixels:
    with untrusted(head.complete), opened(data, name, limits) as image:
        return to_rgb(image)


@contextmanager
def _lenient() -> Iterator[None]:
    """Let Pillow return what it decoded before an error: a module's flag is its only switch."""
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _rows(pixels: Pixels, name: str) -> Pixels:
    """The decoded rows; a BMP is stored from the bottom up as a rule."""
    part = decoded_rows(pixels)
    if name == "image/bmp" and len(part) == len(pixels):
        part = decoded_rows(pixels[::-1])[::-1]
    return np.ascontiguousarray(part)


def _turn(data: object, limits: Limits) -> tuple[int, bool]:
    if not isinstance(data, bytes) or not data or len(data) > limits.max_metadata_bytes:
        return 1, False
    return exif.orientation(data)


def _end_of_boxes(data: Buffer) -> int:
    """Where the top-level ISO boxes end: past the file's end if it was cut."""
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8])
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return len(data)
        if size < 8 or not kind.isascii() or not kind.strip().isalnum():
            return at
        at += size
    return at
