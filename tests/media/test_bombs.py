"""Small files that claim or hide much: refused or read without it, within bounded memory."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verascope.errors import InputTrouble
from verascope.media import exif
from verascope.media.image import Picture, decode, read_header
from verascope.media.types import sniff
from verascope.result import Reason, Warn
from verascope.settings import Limits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\xff\xd9"


def chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + payload))
    return struct.pack(">I", len(payload)) + kind + payload + checksum


def png(width: int, height: int, *extra: bytes, rows: int = 8) -> bytes:
    ihdr = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes((1 + min(width, 1000)) * rows)))
    return SIGNATURE + ihdr + b"".join(extra) + pixels + chunk(b"IEND", b"")


def jpeg(*segments: bytes, side: int = 80) -> bytes:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(buffer, "JPEG")
    data = buffer.getvalue()
    return data[:2] + b"".join(segments) + data[2:]


def segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(payload) + 2) + payload


def directory(*entries: tuple[int, int, int, int], following: int = 0, offset: int = 8) -> bytes:
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries)
    return b"II*\0" + struct.pack("<I", offset) + body + struct.pack("<I", following)


def reason_of(data: bytes, limits: Limits | None = None) -> Reason:
    limits = limits or Limits()
    with pytest.raises(InputTrouble) as caught:
        read_all(data, limits)
    return caught.value.reason


def read_all(data: bytes, limits: Limits | None = None) -> tuple[Picture, tuple[Warn, ...]]:
    limits = limits or Limits()
    header = read_header(data, sniff(data), limits)
    return decode(data, sniff(data), header, limits), header.warnings


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        png(20_000, 20_000),
        png(2**31 - 1, 2**31 - 1),
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";",
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + b"\xff" * 6,
        b"\xff\xd8" + segment(0xC0, b"\x08\xff\xff\xff\xff\x01\x01\x11\x00") + END,
        directory((256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1), (273, 4, 1, 8)),
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6),
    ],
    ids=["png", "png-2e31", "gif", "webp", "jpeg", "tiff", "bmp"],
)
def test_too_many_pixels_are_refused_from_the_header(data: bytes) -> None:
    with pytest.raises(InputTrouble, match="megapixels") as caught:
        read_header(data, sniff(data), Limits())

    assert caught.value.reason is Reason.TOO_LARGE


def test_the_limit_is_a_setting() -> None:
    small = Limits(max_pixels=80 * 80 - 1)

    assert reason_of(jpeg(), small) is Reason.TOO_LARGE
    assert read_all(jpeg(), Limits(max_pixels=80 * 80))[1] == ()


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_compressed_metadata_is_not_inflated(kind: bytes) -> None:
    head = b"key\0\1\0\0\0" if kind == b"iTXt" else b"key\0\0"
    data = png(100, 100, chunk(kind, head + zlib.compress(bytes(50_000_000))), rows=100)

    _, warnings = read_all(data)

    assert warnings == (Warn.METADATA_LIMITED,)
    assert peak_bytes(lambda: read_all(data)) < 2_000_000


def test_many_compressed_chunks_are_bounded_together() -> None:
    one = chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(5_000_000)))
    data = png(100, 100, *[one] * 200, rows=100)

    assert read_all(data)[1] == (Warn.METADATA_LIMITED,)


def test_large_honest_metadata_gives_no_warning() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 500_000, np.uint8).tobytes()
    data = png(100, 100, chunk(b"iCCP", b"key\0\0" + zlib.compress(noise)), rows=100)

    assert read_all(data)[1] == ()


def test_metadata_over_the_limit_is_left_out() -> None:
    comments = [segment(0xFE, bytes(60_000))] * 3

    assert read_all(jpeg(*comments))[1] == ()
    limited = read_all(jpeg(*comments), Limits(max_metadata_bytes=100_000))
    assert limited[1] == (Warn.METADATA_LIMITED,)


@pytest.mark.parametrize(
    "payload",
    [
        b"Exif\0\0" + directory((0x010E, 2, 2**32 - 1, 8), (0x8769, 4, 1, 8)),
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60),
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0nonsense",
        b"http://ns.adobe.com/xap/1.0/\0<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///x'>]>",
    ],
)
def test_odd_metadata_is_skipped(payload: bytes) -> None:
    assert read_all(jpeg(segment(0xE1, payload)))[1] == (Warn.METADATA_SKIPPED,)


def test_a_colour_profile_that_does_not_add_up_is_left_out() -> None:
    profile = segment(0xE2, b"ICC_PROFILE\0\xff\xff\xff\xff\xff\xf0lcms" + bytes(64))

    picture, warnings = read_all(jpeg(profile))

    assert warnings == (Warn.METADATA_SKIPPED,)
    np.testing.assert_array_equal(picture.pixels, read_all(jpeg())[0].pixels)


def test_exif_work_is_bounded_by_the_bytes() -> None:
    assert exif.orientation(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0") == (
        6,
        False,
    )
    assert exif.orientation(b"") == (1, True)
    assert exif.orientation(directory((0x0112, 3, 1, 9))) == (1, False)
    assert exif.orientation(directory((0x0112, 4, 1, 6))) == (1, False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png(64, 64)[:40] + b"\x01" + png(64, 64)[41:], Reason.CORRUPT),
        (SIGNATURE + png(64, 64)[8:29] + b"\xff" + png(64, 64)[30:], Reason.CORRUPT),
        (SIGNATURE + png(64, 64)[8:33] + chunk(b"IEND", b""), Reason.CORRUPT),
        (png(64, 64)[:50], Reason.TRUNCATED),
        (png(512, 512), Reason.TRUNCATED),
        (b"\xff\xd8\xff\xe1\xff\xff" + jpeg()[2:], Reason.CORRUPT),
        (b"\xff\xd8\xff\xe1\xff\xff" + jpeg()[2:-2], Reason.TRUNCATED),
        (jpeg()[:40], Reason.TRUNCATED),
        (b"\xff\xd8\xff\xd9", Reason.CORRUPT),
        (b"RIFF\xff\xff\xff\xffWEBPVP8L" + bytes(24), Reason.CORRUPT),
        (b"RIFF\x2a\0\0\0WEBPVP8 \xf0\xff\xff\x7f" + bytes(30), Reason.CORRUPT),
        (b"RIFF\xff\xff\0\0WEBPVP8 \xf0\xff\0\0", Reason.CORRUPT),
        (directory((256, 4, 1, 1), (257, 4, 1, 1), following=8), Reason.CORRUPT),
        (directory((256, 4, 1, 16), (257, 4, 1, 16), (330, 4, 1, 8)), Reason.CORRUPT),
        (
            directory((256, 4, 1, 64), (257, 4, 1, 64), (273, 4, 2**31 - 1, 8)),
            Reason.CORRUPT,
        ),
        (directory((256, 4, 1, 64), (257, 4, 1, 64), offset=999), Reason.TRUNCATED),
        (b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0, 0, 0) + b";", Reason.CORRUPT),
        (b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0, 0, 0), Reason.TRUNCATED),
    ],
)
def test_tells_damage_from_a_cut(data: bytes, reason: Reason) -> None:
    assert reason_of(data) is reason


LITTLE_MEMORY = """
import re, resource, sys
from pathlib import Path
import verascope.media.jpeg, verascope.media.png, PIL.Image, PIL.PngImagePlugin
from verascope.errors import InputTrouble
from verascope.media.image import decode, read_header
from verascope.media.types import sniff
from verascope.settings import Limits
data = Path(sys.argv[1]).read_bytes()
used = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000,) * 2)
header = read_header(data, sniff(data), Limits())
try:
    decode(data, sniff(data), header, Limits())
except InputTrouble as trouble:
    print(trouble.reason)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_too_little_memory_has_its_name(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "large"
    Image.new("RGB", (6000, 4000), "grey").save(path, file_format)

    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, str(path)], capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("memory_limit\n", "")
