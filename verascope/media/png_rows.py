"""A PNG whose pixel data breaks off, made into a shorter one of the rows that are there."""

import struct
import zlib
from typing import NamedTuple

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
IN_BYTES = 1024  # zlib gives nothing of a piece that it fails in
OUT_BYTES = 1 << 20


class Shortened(NamedTuple):
    """Chunks of the shorter PNG, None if no row is whole; broken: the data is wrong, not cut."""

    chunks: list[bytes] | None
    broken: bool


def shortened(chunks: list[bytes]) -> Shortened:
    """Set the height to the whole rows that the data holds; the rest stays as it is.

    Args:
        chunks: IHDR, PLTE, tRNS and IDAT with their frames, the last perhaps cut. An interlaced
            picture is given up: its rows come in seven passes.
    """
    pixels = b"".join(_payload(chunk) for chunk in chunks if chunk[4:8] == b"IDAT")
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", chunks[0], 8)
    row_bytes = 1 + (width * CHANNELS.get(colour, 4) * depth + 7) // 8
    have, broken = _inflated(pixels, height * row_bytes)
    rows = have // row_bytes
    if interlaced or not 0 < rows < height:
        return Shortened(None, broken)
    ihdr = struct.pack(">I", rows) + chunks[0][16:21]
    before = [chunk for chunk in chunks[1:] if chunk[4:8] != b"IDAT"]
    first = _chunk(b"IHDR", chunks[0][8:12] + ihdr)
    return Shortened([first, *before, _chunk(b"IDAT", pixels)], broken)


def _payload(chunk: bytes) -> bytes:
    return chunk[8 : 8 + int.from_bytes(chunk[:4], "big")]


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


def _inflated(pixels: bytes, limit: int) -> tuple[int, bool]:
    """How many bytes the stream gives, at most `limit`, and whether it breaks by an error."""
    total, inflate = 0, zlib.decompressobj()
    for at in range(0, len(pixels), IN_BYTES):
        pending = pixels[at : at + IN_BYTES]
        while pending and total < limit and not inflate.eof:
            try:
                total += len(inflate.decompress(pending, OUT_BYTES))
            except zlib.error:
                return total, True
            pending = inflate.unconsumed_tail
    return total, False
