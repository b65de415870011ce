"""The words that a file carries beside its media: text fields and XMP packets.

A reader for declarations, not a metadata library: what it cannot read it passes over, and it reads
only so much of each.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from verascope.media.buffer import Buffer
from verascope.provenance.exif_text import exif_texts, tiff_xmp

MAX_PARTS = 2_000
MAX_TEXT_BYTES = 1 << 20
MAX_SEARCH_BYTES = 16 << 20
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
PNG_XMP = "XML:com.adobe.xmp"
XMP_BEGIN, XMP_END = b"<x:xmpmeta", b"</x:xmpmeta>"
ID3_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")


class Metadata(NamedTuple):
    """Text fields by name, and XMP packets as they stand."""

    texts: tuple[tuple[str, str], ...]
    packets: tuple[bytes, ...]


def read_metadata(data: Buffer, media_type: str) -> Metadata:
    """The metadata of one file; empty where its type is not known here.

    Args:
        data: the whole file.
        media_type: what its bytes are.
    """
    texts: list[tuple[str, str]] = []
    packets: list[bytes] = []
    for name, value in _parts(data, media_type):
        if isinstance(value, str):
            texts.append((name, value[:MAX_TEXT_BYTES]))
        elif len(value) <= MAX_TEXT_BYTES:
            packets.append(value)
    return Metadata(tuple(texts[:MAX_PARTS]), tuple(packets[:16]))


def _parts(data: Buffer, media_type: str) -> Iterator[tuple[str, str | bytes]]:
    match media_type:
        case "image/jpeg":
            yield from _jpeg(data)
        case "image/png":
            yield from _png(data)
        case "image/webp" | "audio/wav":
            yield from _riff(data)
        case "image/tiff":
            yield from exif_texts(data[:MAX_SEARCH_BYTES])
            yield "XMP", tiff_xmp(data[:MAX_SEARCH_BYTES]) or b""
        case "audio/mpeg":
            yield from _id3(data)
        case _:
            yield from _anywhere(data)


def _jpeg(data: Buffer) -> Iterator[tuple[str, str | bytes]]:
    position = 2
    for _ in range(MAX_PARTS):
        head = data[position : position + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:
            return
        size = int.from_bytes(head[2:], "big")
        body = bytes(data[position + 4 : position + 2 + size])
        position += 2 + size
        if head[1] == 0xE1 and body.startswith(b"Exif\0\0"):
            yield from exif_texts(body)
        elif head[1] == 0xE1 and body.startswith(JPEG_XMP):
            yield "XMP", body[len(JPEG_XMP) :]
        elif head[1] == 0xFE:
            yield "Comment", body.decode(errors="replace")


def _png(data: Buffer) -> Iterator[tuple[str, str | bytes]]:
    position = 8
    for _ in range(MAX_PARTS):
        head = data[position : position + 8]
        size = int.from_bytes(head[:4], "big")
        if len(head) < 8 or head[4:] == b"IEND":
            return
        if head[4:] in (b"tEXt", b"zTXt", b"iTXt") and size <= MAX_TEXT_BYTES:
            yield from _png_text(head[4:], bytes(data[position + 8 : position + 8 + size]))
        elif head[4:] == b"eXIf" and size <= MAX_TEXT_BYTES:
            yield from exif_texts(bytes(data[position + 8 : position + 8 + size]))
        position += 12 + size


def _png_text(kind: bytes, body: bytes) -> Iterator[tuple[str, str | bytes]]:
    key, _, value = body.partition(b"\0")
    packed, encoding = kind == b"zTXt", "latin-1"
    if kind == b"iTXt":
        packed, encoding = value[:1] == b"\1", "utf-8"
        value = value[2:].partition(b"\0")[2].partition(b"\0")[2]  # language, translated key
    elif packed:
        value = value[1:]
    if packed:
        value = _inflated(value)
    name = key.decode("latin-1")
    yield name, value if name == PNG_XMP else value.decode(encoding, errors="replace")


def _inflated(data: bytes) -> bytes:
    """A compressed text up to the limit: a bomb gives its beginning, damage what comes before."""
    try:
        return zlib.decompressobj().decompress(data, MAX_TEXT_BYTES)
    except zlib.error:
        return b""


def _riff(data: Buffer) -> Iterator[tuple[str, str | bytes]]:
    """WebP and WAV: EXIF, XMP and the INFO list."""
    position = 12
    for _ in range(MAX_PARTS):
        head = data[position : position + 8]
        if len(head) < 8:
            return
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        start, position = position + 8, position + 8 + size + size % 2
        if size > MAX_TEXT_BYTES or kind not in (b"EXIF", b"XMP ", b"_PMX", b"LIST"):
            continue
        body = bytes(data[start : start + size])
        if kind == b"EXIF":
            yield from exif_texts(body)
        elif kind == b"LIST" and body.startswith(b"INFO"):
            yield from _info(body)
        elif kind != b"LIST":
            yield "XMP", body


def _info(body: bytes) -> Iterator[tuple[str, str]]:
    position = 4
    while position + 8 <= len(body):
        size = int.from_bytes(body[position + 4 : position + 8], "little")
        value = body[position + 8 : position + 8 + size]
        text = value.decode(errors="replace").strip("\0 ")
        yield body[position : position + 4].decode("latin-1"), text
        key, separator, rest = text.partition("=")
        if separator and key.isidentifier():
            yield key, rest
        position += 8 + size + size % 2


def _id3(data: Buffer) -> Iterator[tuple[str, str | bytes]]:
    """ID3 2.3 and 2.4: user texts, comments and XMP."""
    head = bytes(data[:10])
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (3, 4):
        return
    end = 10 + _synchsafe(head[6:10])
    tag = bytes(data[10 : min(end, 10 + MAX_SEARCH_BYTES)])
    position = 0
    for _ in range(MAX_PARTS):
        kind, raw = tag[position : position + 4], tag[position + 4 : position + 8]
        if len(raw) < 4 or not kind.strip(b"\0"):
            return
        size = _synchsafe(raw) if head[3] == 4 else int.from_bytes(raw, "big")
        body = tag[position + 10 : position + 10 + size]
        position += 10 + size
        if kind == b"PRIV" and body.startswith(b"XMP\0"):
            yield "XMP", body[4:]
        elif kind in (b"TXXX", b"COMM", b"TSSE") and body:
            yield from _id3_text(kind, body)


def _id3_text(kind: bytes, body: bytes) -> Iterator[tuple[str, str]]:
    encoding = ID3_ENCODINGS[body[0]] if body[0] < len(ID3_ENCODINGS) else "latin-1"
    text = body[4 if kind == b"COMM" else 1 :].decode(encoding, errors="replace")
    if kind == b"TSSE":
        yield "TSSE", text.strip("\0")
        return
    key, _, value = text.partition("\0")
    yield key.strip("\ufeff") or kind.decode(), value.strip("\0\ufeff")


def _synchsafe(raw: bytes) -> int:
    a, b, c, d = struct.unpack("4B", raw)
    return int((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | d & 127)


def _anywhere(data: Buffer) -> Iterator[tuple[str, bytes]]:
    """Other types keep XMP in plain sight: MP4, AVIF, HEIC, GIF."""
    start = data.find(XMP_BEGIN, 0, MAX_SEARCH_BYTES)
    end = data.find(XMP_END, start, start + MAX_TEXT_BYTES) if start >= 0 else -1
    if end >= 0:
        yield "XMP", bytes(data[start : end + len(XMP_END)])
