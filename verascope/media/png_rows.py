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
IN_BYTES = 1024  # zlib gives nothing of a piece that it fails in
OUT_BYTES = 1 << 20
MAX_REPACKED_BYTES = 400_000_000  # an interlaced picture is held in memory for repacking


class Shortened(NamedTuple):
    """Chunks of the shorter PNG, None if no row is whole; broken: the data is wrong, not cut."""

    chunks: list[bytes] | None
    broken: bool


class _Shape(NamedTuple):
    """The numbers of the header chunk that decide where the rows lie."""

    width: int
    height: int
    bits: int  # a pixel
    interlaced: bool


def shortened(chunks: list[bytes]) -> Shortened:
    """A PNG of the upper rows that the data holds whole.

    Args:
        chunks: IHDR, PLTE, tRNS and IDAT with their frames, the last perhaps cut.
    """
    stream = b"".join(_payload(chunk) for chunk in chunks if chunk[4:8] == b"IDAT")
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", chunks[0], 8)
    shape = _Shape(width, height, CHANNELS.get(colour, 4) * depth, bool(interlaced))
    passes = _passes(shape, height)
    samples, have, broken = _inflated(stream, sum(n * size for n, size in passes), interlaced)
    rows = _whole_rows(passes, have, shape)
    if not 0 < rows < height:
        return Shortened(None, broken)
    if interlaced:
        stream = zlib.compress(_upper(samples, passes, _passes(shape, rows)), 1)
    others = [chunk for chunk in chunks[1:] if chunk[4:8] != b"IDAT"]
    ihdr = _chunk(b"IHDR", chunks[0][8:12] + struct.pack(">I", rows) + chunks[0][16:21])
    return Shortened([ihdr, *others, _chunk(b"IDAT", stream)], broken)


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


def _inflated(stream: bytes, limit: int, keep: bool) -> tuple[bytes, int, bool]:
    """The stream's bytes (if they are to be kept), how many there are, and if an error ends it."""
    kept, total, inflate = bytearray(), 0, zlib.decompressobj()
    if keep and limit > MAX_REPACKED_BYTES:
        return b"", 0, False
    for at in range(0, len(stream), IN_BYTES):
        pending = stream[at : at + IN_BYTES]
        while pending and total < limit and not inflate.eof:
            try:
                piece = inflate.decompress(pending, OUT_BYTES)
            except zlib.error:
                return bytes(kept), total, True
            total += len(piece)
            if keep:
                kept += piece
            pending = inflate.unconsumed_tail
    return bytes(kept), total, False
