"""The formats that Pillow's plugins decode without our help: WebP, AVIF, HEIC, GIF, TIFF, BMP."""

import re

import numpy as np

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.buffer import Buffer
from verascope.media.gif import is_interlaced
from verascope.media.header import Header, header
from verascope.media.picture import Picture, Pixels, decoded_rows, enough_of, upright
from verascope.media.pillow import lenient, opened, to_rgb, untrusted
from verascope.media.webp_part import decode_part
from verascope.result import Reason, Warn
from verascope.settings import Limits

# The entry of an Exif item in an AVIF's table of items. Pillow would parse all of its EXIF, and
# refuse the picture for an error in it; the orientation stands outside, in the item's properties.
AVIF_EXIF = re.compile(rb"(infe(?:\x02.{3}.{2}|\x03.{3}.{4}).{2})Exif", re.DOTALL)
# Plugins that can hand over the rows that came before an error.
ROW_BY_ROW = frozenset({"image/bmp", "image/gif", "image/tiff"})


def read_header(data: Buffer, name: str, limits: Limits) -> Header:
    """Size and orientation of a BMP, AVIF or HEIC, whose plugins decode nothing on opening.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT or TRUNCATED.
    """
    end = len(data) if name == "image/bmp" else _end_of_boxes(data)
    warnings = {Warn.TRAILING_DATA} if end < len(data) else set()
    with untrusted(end <= len(data)), opened(_shown(data, name), name, limits) as image:
        if getattr(image, "n_frames", 1) > 1:
            warnings.add(Warn.FIRST_FRAME_ONLY)
        exif_of_plugin = image.info.get("exif", b"") if name == "image/avif" else b""
        turn, _ = exif.orientation(exif_of_plugin)  # libheif turns a HEIC itself
        return header(image.size, turn, warnings, complete=end <= len(data))


def decode(data: Buffer, name: str, head: Header, limits: Limits) -> Picture:
    """Decode the first frame, turned upright; the rows before an error where the format has rows.

    Raises:
        InputTrouble: CORRUPT, TRUNCATED, TOO_LARGE or MEMORY_LIMIT.
    """
    try:
        return Picture(upright(_decode(data, name, head, limits), head.orientation))
    except InputTrouble as trouble:
        if trouble.reason not in (Reason.CORRUPT, Reason.TRUNCATED):
            raise
        whole = trouble
    part, whole_rows = _decode_part(data, name, head, limits, whole)
    enough_of(part, whole.reason, whole.detail)
    warnings = (Warn.DAMAGED,) if whole.reason is Reason.CORRUPT else ()
    truncated = whole.reason is Reason.TRUNCATED or len(part) < whole_rows
    return Picture(upright(part, head.orientation), truncated, warnings)


def _decode_part(
    data: Buffer, name: str, head: Header, limits: Limits, whole: InputTrouble
) -> tuple[Pixels, int]:
    """The rows that can be had of a broken file, and how many a whole one would have."""
    if name == "image/webp" and not head.complete:
        return decode_part(data, limits), head.height
    if name not in ROW_BY_ROW:
        raise whole
    with lenient():
        pixels = _decode(data, name, head, limits)
    return _rows(pixels, data, name), len(pixels)


def _decode(data: Buffer, name: str, head: Header, limits: Limits) -> Pixels:
    with untrusted(head.complete), opened(_shown(data, name), name, limits) as image:
        return to_rgb(image)


def _shown(data: Buffer, name: str) -> Buffer:
    """What the plugin gets to see: an AVIF without its EXIF."""
    return AVIF_EXIF.sub(rb"\1none", data) if name == "image/avif" else data


def _rows(pixels: Pixels, data: Buffer, name: str) -> Pixels:
    """The decoded rows; a BMP is stored from the bottom up as a rule."""
    part = decoded_rows(pixels)
    if name == "image/gif" and is_interlaced(data):
        part = _before_gaps(pixels)
    if name == "image/bmp" and len(part) == len(pixels):
        part = decoded_rows(pixels[::-1])[::-1]
    return part


def _before_gaps(pixels: Pixels) -> Pixels:
    """The rows above the first that an interlaced GIF leaves empty, all in one colour.

    The row that was being written lies two above it.
    """
    plain = np.flatnonzero((pixels == pixels[:, :1]).all(axis=(1, 2)))
    empty = plain[(pixels[plain, 0] == pixels[plain[-1:], 0]).all(axis=1)]
    return pixels[: max(0, empty[0] - 2)] if len(empty) else pixels


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
