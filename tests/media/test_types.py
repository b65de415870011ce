"""Types by magic bytes, what names promise, and which of the two decides."""

import struct

import pytest

from verascope.errors import InputTrouble
from verascope.media.types import MediaType, judgeable, promised, sniff
from verascope.result import Modality, Reason, Warn

IMAGES = frozenset({Modality.IMAGE})
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30
TEXT = b"The quick brown fox jumps over the lazy dog.\n" * 20


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + b"\0" * 32


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (PNG, "image/png"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"GIF89a" + b"\0" * 10, "image/gif"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0+\0\x08\0\0", "image/tiff"),
        (b"BM" + struct.pack("<IIII", 99, 0, 54, 40), "image/bmp"),
        (ftyp(b"avif", b"mif1"), "image/avif"),
        (ftyp(b"mif1", b"miaf", b"avif"), "image/avif"),
        (ftyp(b"heic", b"mif1"), "image/heic"),
        (ftyp(b"mif1", b"heic"), "image/heic"),
        (b"\xff\x0a\x1f\x0f", "image/jxl"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
        (b'<?xml version="1.0"?><!-- x --><svg xmlns="">', "image/svg+xml"),
        (b"\xef\xbb\xbf <svg>", "image/svg+xml"),
        (ftyp(b"isom", b"iso2"), "video/mp4"),
        (ftyp(b"qt  "), "video/quicktime"),
        (struct.pack(">I4s", 8, b"moov") + b"\0" * 20, "video/quicktime"),
        (struct.pack(">I4s", 9999, b"mdat") + b"\0" * 20, "video/quicktime"),
        (struct.pack(">I4s", 8, b"free") + b"\0" * 20, "video/quicktime"),
        (b"\x1aE\xdf\xa3" + b"\0" * 20, "video/webm"),
        (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
        (ftyp(b"M4A "), "audio/mp4"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04\0\0\0\0\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x00" + b"\0" * 100, "audio/mpeg"),
        (b"\xff\xf1\x50\x80" + b"\0" * 100, "audio/aac"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\2", "audio/ogg"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "application/vnd.playlist"),
        (b"\n ffconcat version 1.0\nfile x.mp4\n", "application/vnd.playlist"),
        (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg">', "application/vnd.playlist"),
        (b"v=0\r\no=- 0 0 IN IP4 203.0.113.1\r\ns=x\r\n", "application/vnd.playlist"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\3\4\x14\0", "application/zip"),
        (b"\x1f\x8b\x08\0", "application/gzip"),
        (b"\0\0\0\x20jumb\0\0\0\x1ejumdc2pa\0\x11", "application/c2pa"),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 50, "application/octet-stream"),
        (bytes(64), "application/octet-stream"),
        (b"caf\xe9 \xff\xfe\xfa " * 200, "application/octet-stream"),
        (b"abc\0def", "application/octet-stream"),
        (TEXT, "text/plain"),
        (TEXT.decode().encode("utf-16"), "text/plain"),
        (b"\xef\xbb\xbf" + TEXT, "text/plain"),
        (b"<!DOCTYPE html><title>404</title>", "text/html"),
        (b'{"a": [1, 2]}', "application/json"),
        (b"BM is short for bowel movement, which begins a text.", "text/plain"),
    ],
)
def test_sniff(data: bytes, name: str) -> None:
    assert sniff(data).name == name


def test_sniff_does_not_cut_a_letter_in_two() -> None:
    assert sniff("é".encode() * 40_000 + b"x").name == "text/plain"
    assert sniff(b"x" + "é".encode() * 40_000).name == "text/plain"


def test_promised() -> None:
    assert promised("a.JPG") == MediaType("image/jpeg", Modality.IMAGE)
    assert promised("a.tar.mp3") == MediaType("audio/mpeg", Modality.AUDIO)
    assert promised("jpg") is None
    assert promised("a.exe") is None
    assert promised("") is None


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "a.jpg", Reason.EMPTY),
        (TEXT, "a.jpg", Reason.TYPE_MISMATCH),
        (bytes(100), "a.png", Reason.TYPE_MISMATCH),
        (bytes(100), "a.bin", Reason.UNSUPPORTED_TYPE),
        (TEXT, "a.txt", Reason.UNSUPPORTED_TYPE),
        (TEXT, "a.mp4", Reason.UNSUPPORTED_TYPE),
        (b"ffconcat version 1.0\nfile canary.mp4\n", "a.jpg", Reason.UNSUPPORTED_TYPE),
        (b"<svg/>", "a.png", Reason.UNSUPPORTED_TYPE),
        (b"PK\3\4", "a.jpg", Reason.UNSUPPORTED_TYPE),
        (ftyp(b"isom"), "a.mp4", Reason.UNSUPPORTED_TYPE),
        (b"\xff\x0a\x1f\x0f", "a.jxl", Reason.UNSUPPORTED_TYPE),
    ],
)
def test_not_judgeable(data: bytes, name: str, reason: Reason) -> None:
    with pytest.raises(InputTrouble) as caught:
        judgeable(data, name, IMAGES)

    assert caught.value.reason is reason


def test_says_which_modality_has_no_detector() -> None:
    with pytest.raises(InputTrouble, match="no detector for video"):
        judgeable(ftyp(b"isom"), "clip.mp4", IMAGES)


def test_trusts_the_bytes_and_says_so() -> None:
    assert judgeable(PNG, "a.jpg", IMAGES) == (
        MediaType("image/png", Modality.IMAGE),
        (Warn.TYPE_FROM_BYTES,),
    )
    assert judgeable(PNG, "a.png", IMAGES)[1] == ()
    assert judgeable(PNG, "no_extension", IMAGES)[1] == ()


def test_heic_without_its_extra_names_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(InputTrouble, match=r"pip install 'verascope\[heif\]'") as caught:
        judgeable(ftyp(b"heic"), "a.heic", IMAGES)

    assert caught.value.reason is Reason.UNSUPPORTED_TYPE
