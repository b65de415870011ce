"""A PNG whose pixel data breaks off, made into a shorter one of the rows that are there."""

import struct
import zlib
from typing import NamedTuple

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Adam7: first column, first row, column step and row step of each of the seven passes.
PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
LAST_FILTER = 4  # Paeth
IN_BYTES = 1024  # inflates to 1 MB at most
MAX_REPACKED_BYTES = 400_000_000  # an interlaced picture is held in memory for repacking


class Shortened(NamedTuple):
    """What the pixel data holds.

    Attributes:
        chunks: of a PNG of the whole rows, None if there is none.
        whole: no row is missing.
        broken: the data is wrong rather than cut.
    """

    chunks: list[bytes] | None
    whole: bool
    broken: bool


class _Shape(NamedTuple):
    """The numbers of the header chunk that decide where the rows lie."""

    width: int
    height: int
    bits: int  # a pixel
    interlaced: bool


def shortened(chunks: list[bytes]) -> Shortened:
    """A PNG of the upper rows that the data holds whole, without what comes after an error.

    Args:
        chunks: IHDR, PLTE, tRNS and IDAT with their frames, the last perhaps cut.
    """
    stream = b"".join(_payload(chunk) for chunk in chunks if chunk[4:8] == b"IDAT")
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", chunks[0], 8)
    shape = _Shape(width, height, CHANNELS.get(colour, 4) * depth, bool(interlaced))
    passes = _passes(shape, height)
    read = _inflated(stream, passes, shape.interlaced)
    rows, broken = _whole_rows(passes, read.length, shape), read.broken
    rows, whole = min(rows, height), rows >= height
    if not rows:
        return Shortened(None, whole, broken)
    if interlaced:
        stream = zlib.compress(_upper(read.kept, passes, _passes(shape, rows)), 1)
        read = read._replace(used=len(stream))
    others = [chunk for chunk in chunks[1:] if chunk[4:8] != b"IDAT"]
    ihdr = _chunk(b"IHDR", chunks[0][8:12] + struct.pack(">I", rows) + chunks[0][16:21])
    return Shortened([ihdr, *others, _chunk(b"IDAT", stream[: read.used])], whole, broken)


def _passes(shape: _Shape, height: int) -> list[tuple[int, int]]:
    """(rows, bytes a row) of each pass; a row has its filter byte in front."""
    grids = PASSES if shape.interlaced else ((0, 0, 1, 1),)
    sizes = [
        (max(0, -(-(height - y) // dy)), max(0, -(-(shape.width - x) // dx)))
        for x, y, dx, dy in grids
    ]
    return [(rows, 1 + (columns * shape.bits + 7) // 8) for rows, columns in sizes if columns]


def _whole_rows(passes: list[tuple[int, int]], have: int, shape: _Shape) -> int:
    """Rows from the top with all their pixels: an interlaced picture's last pass decides."""
    in_last = have - sum(rows * size for rows, size in passes[:-1])
    rows = max(0, in_last) // passes[-1][1]
    return min(2 * rows, shape.height) if shape.interlaced else rows


def _upper(samples: bytes, passes: list[tuple[int, int]], fewer: list[tuple[int, int]]) -> bytes:
    """The first rows of each pass: a row's filter looks back in its own pass only."""
    kept, at = [], 0
    for (rows, size), (few, _) in zip(passes, fewer, strict=True):
        kept.append(samples[at : at + few * size])
        at += rows * size
    return b"".join(kept)


def _payload(chunk: bytes) -> bytes:
    return chunk[8 : 8 + int.from_bytes(chunk[:4], "big")]


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


class _Read(NamedTuple):
    """The bytes (if kept), how many there are, out of how many, and if an error ended it."""

    kept: bytes
    length: int
    used: int
    broken: bool


def _inflated(stream: bytes, passes: list[tuple[int, int]], keep: bool) -> _Read:
    """Inflate up to an error, to the byte: zlib gives nothing of a piece that it fails in."""
    limit = sum(rows * size for rows, size in passes)
    if keep and limit > MAX_REPACKED_BYTES:
        return _Read(b"", 0, 0, False)
    kept, total, at, step, inflate = bytearray(), 0, 0, IN_BYTES, zlib.decompressobj()
    while at < len(stream) and total < limit and not inflate.eof:
        before = inflate.copy()
        try:
            piece = inflate.decompress(stream[at : at + step])
        except zlib.error:
            if step == 1:
                return _Read(bytes(kept), total, at, True)
            inflate, step = before, 1
            continue
        if keep:
            kept += piece
        elif (bad := _bad_filter(piece, total, passes[0][1])) is not None:
            return _Read(b"", total + bad, len(stream), True)
        total += len(piece)
        at += step
    return _Read(bytes(kept), total, at, step == 1)


def _bad_filter(piece: bytes, offset: int, row_bytes: int) -> int | None:
    """Where in the piece a row begins with a filter that does not exist, None if none does."""
    first = -offset % row_bytes
    filters = piece[first::row_bytes]
    bad = next((i for i, code in enumerate(filters) if code > LAST_FILTER), None)
    return None if bad is None else first + bad * row_bytes
