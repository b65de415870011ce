"""The orientation out of EXIF data; nothing else of it is read, no pointer is followed."""

import struct

ORIENTATION = 0x0112
SUB_IFDS = frozenset({0x014A, 0x8769, 0x8825, 0xA005})
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SHORT = 3
UPRIGHT = 1


def orientation(exif: bytes) -> tuple[int, bool]:
    """The orientation of the first directory (IFD0).

    Args:
        exif: a TIFF structure, with or without "Exif\\0\\0" in front.

    Returns:
        1 to 8 (1 where nothing usable is said), and whether the directory is odd: it lies about
        counts, points outside the data or back at itself. Work is bounded by the bytes that are
        there, whatever the counts claim.
    """
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return UPRIGHT, True
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT, True
    (count,) = struct.unpack_from(order + "H", tiff, start)
    present = min(count, (len(tiff) - start - 2) // 12)
    return _read_entries(tiff, order, start, present, present < count)


def _read_entries(tiff: bytes, order: str, start: int, present: int, odd: bool) -> tuple[int, bool]:
    found = UPRIGHT
    for at in range(start + 2, start + 2 + 12 * present, 12):
        tag, kind, length, value = struct.unpack_from(order + "HHII", tiff, at)
        size = length * TYPE_BYTES.get(kind, 1)
        odd = odd or (size > 4 and value + size > len(tiff))
        odd = odd or (tag in SUB_IFDS and value == start)
        if tag == ORIENTATION and kind == SHORT and length == 1:
            (code,) = struct.unpack_from(order + "H", tiff, at + 8)
            found = code if 1 <= code <= 8 else UPRIGHT
    return found, odd
