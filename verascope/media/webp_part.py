"""The rows of a lossy WebP that was cut off. libwebp decodes whole files only."""

import numpy as np

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.picture import Pixels
from verascope.media.pillow import opened, to_rgb, untrusted
from verascope.result import Reason
from verascope.settings import Limits

MAX_MISSING_BYTES = 16_000_000
SPARE_BYTES = 1_000_000  # wrong bits may be used up faster than the right ones


def decode_part(data: Buffer, limits: Limits) -> Pixels:
    """Fill the file up in two ways and decode both; rows that come out alike are the file's own.

    Zeros end every block at once, so that the decoder reaches the end; the other filling differs
    in its first bytes, which is enough to change the first block that is not wholly there.

    Returns:
        uint8 [h', w, 3] with h' rows from the top, as stored.

    Raises:
        InputTrouble: TRUNCATED where too much is missing, or the file is a lossless one.
    """
    missing = 8 + int.from_bytes(data[4:8], "little") - len(data)
    at = data.find(b"VP8 ", 12, 4096)
    if at < 0 or not 0 < missing <= MAX_MISSING_BYTES:
        raise InputTrouble(Reason.TRUNCATED, f"{missing:,} bytes are missing")
    filling = bytes(missing + SPARE_BYTES)
    one = _decode(_filled(data, at, filling), limits)
    other = _decode(_filled(data, at, b"\xff" * 8 + filling[8:]), limits)
    unlike = np.flatnonzero((one != other).any(axis=(1, 2)))
    return one[: unlike[0]] if len(unlike) else one


def _filled(data: Buffer, at: int, filling: bytes) -> bytes:
    """The file with the filling at its end, its VP8 chunk and its container made to hold it."""
    whole = bytearray(data[:])
    whole += filling
    whole += bytes(len(whole) % 2)
    whole[4:8] = (len(whole) - 8).to_bytes(4, "little")
    whole[at + 4 : at + 8] = (len(whole) - at - 8).to_bytes(4, "little")
    return bytes(whole)


def _decode(whole: bytes, limits: Limits) -> Pixels:
    with untrusted(complete=False), opened(whole, "image/webp", limits) as image:
        return to_rgb(image)
