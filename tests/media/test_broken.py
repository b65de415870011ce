"""Files that break off or are damaged: what a viewer shows of them is judged."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from verascope.errors import InputTrouble
from verascope.media.image import Picture, decode, read_header
from verascope.media.types import sniff
from verascope.result import Reason, Warn
from verascope.settings import Limits

HEIGHT, WIDTH = 300, 400


def photo(height: int = HEIGHT) -> NDArray[np.uint8]:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:WIDTH]
    pixels = np.stack([x / 2, y / 2, (x + y) / 3], axis=-1) + rng.integers(
        0, 20, (height, WIDTH, 3)
    )
    return pixels.clip(0, 255).astype(np.uint8)


def encoded(file_format: str, height: int = HEIGHT, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo(height)).save(buffer, file_format, **options)
    return buffer.getvalue()


def read(data: bytes) -> Picture:
    header = read_header(data, sniff(data), Limits())
    return decode(data, sniff(data), header, Limits())


def interlaced_png(pixels: NDArray[np.uint8]) -> bytes:
    """No encoder at hand writes Adam7: rows of the seven passes, each without a filter."""
    import struct
    import zlib

    def chunk(kind: bytes, payload: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + payload))
        return struct.pack(">I", len(payload)) + kind + payload + checksum

    height, width, _ = pixels.shape
    grids = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
    raw = b"".join(
        b"\0" + row.tobytes()
        for x, y, dx, dy in (*grids, (0, 1, 1, 2))
        for row in pixels[y::dy, x::dx]
    )
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    parts = (b"IHDR", ihdr), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("file_format", "options", "wrong_rows"),
    [
        ("JPEG", {}, 2),  # colour is interpolated over the edge
        ("JPEG", {"subsampling": "4:4:4"}, 0),
        ("PNG", {}, 0),
        ("TIFF", {}, 0),
        ("GIF", {"interlace": 0}, 1),
        ("WEBP", {}, 3),
    ],
)
def test_a_cut_file_gives_its_rows(
    file_format: str, options: dict[str, Any], wrong_rows: int
) -> None:
    data = encoded(file_format, **options)
    whole = read(data).pixels

    picture = read(data[: len(data) * 6 // 10])

    rows = len(picture.pixels)
    assert picture.truncated
    assert 0.3 * HEIGHT < rows < 0.8 * HEIGHT
    wrong = (picture.pixels != whole[:rows]).any(axis=(1, 2))
    assert not wrong[: rows - wrong_rows].any()


def test_a_cut_bmp_gives_its_lower_rows() -> None:
    data = encoded("BMP")

    picture = read(data[: len(data) // 2])

    assert picture.truncated
    np.testing.assert_array_equal(picture.pixels, photo()[-len(picture.pixels) :])


def test_a_cut_progressive_jpeg_gives_a_coarser_picture() -> None:
    data = encoded("JPEG", progressive=True)

    picture = read(data[: len(data) // 2])

    assert picture.truncated
    assert picture.pixels.shape == (HEIGHT, WIDTH, 3)


def test_interlaced_png() -> None:
    data = interlaced_png(photo())

    np.testing.assert_array_equal(read(data).pixels, photo())
    cut = read(data[: len(data) * 8 // 10])
    assert cut.truncated
    assert 64 <= len(cut.pixels) < HEIGHT
    np.testing.assert_array_equal(cut.pixels, photo()[: len(cut.pixels)])
    with pytest.raises(InputTrouble):
        read(data[: len(data) // 4])


def test_a_cut_interlaced_gif_gives_no_rows_with_gaps() -> None:
    data = encoded("GIF")

    picture = read(data[: len(data) * 8 // 10])

    rows = len(picture.pixels)
    assert 64 <= rows < HEIGHT
    wrong = (picture.pixels != read(data).pixels[:rows]).any(axis=(1, 2))
    assert not wrong[:-1].any()


def test_a_cut_turned_jpeg_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded("JPEG", exif=exif)

    picture = read(data[: len(data) // 2])

    height, width, _ = picture.pixels.shape
    assert height == WIDTH
    assert 64 <= width < HEIGHT


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "AVIF", "TIFF"])
def test_too_little_of_it_is_truncated(file_format: str) -> None:
    data = encoded(file_format)

    with pytest.raises(InputTrouble) as caught:
        read(data[: len(data) // 20])

    assert caught.value.reason is Reason.TRUNCATED


def test_a_jpeg_without_its_last_bytes_is_whole_but_truncated() -> None:
    data = encoded("JPEG")

    picture = read(data[:-2])

    assert picture.truncated
    np.testing.assert_array_equal(picture.pixels, read(data).pixels)


def test_a_white_border_is_not_taken_for_missing_rows() -> None:
    pixels = photo()
    pixels[-100:] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")

    assert read(buffer.getvalue()[:-2]).pixels.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_damage_in_the_middle_leaves_the_upper_part(file_format: str) -> None:
    data = bytearray(encoded(file_format))
    middle = len(data) // 2
    data[middle : middle + 4] = b"\xff\x33\xff\x34"

    picture = read(bytes(data))

    assert Warn.DAMAGED in picture.warnings
    assert picture.pixels.shape[0] >= 64
    np.testing.assert_array_equal(picture.pixels[:64], read(encoded(file_format)).pixels[:64])


def test_a_missing_part_of_a_small_picture_is_truncated() -> None:
    data = encoded("PNG", height=40)

    with pytest.raises(InputTrouble) as caught:
        read(data[:-20])

    assert caught.value.reason is Reason.TRUNCATED


def test_bytes_between_segments_hide_no_jpeg() -> None:
    data = encoded("JPEG")
    tables = data.index(b"\xff\xdb")

    picture = read(data[:tables] + b"junk" + data[tables:])

    assert not picture.truncated
    np.testing.assert_array_equal(picture.pixels, read(data).pixels)


@pytest.mark.parametrize("sampling", [0x31, 0x13, 0x14, 0x41])
def test_unusual_sampling_hides_no_jpeg(sampling: int) -> None:
    data = bytearray(encoded("JPEG", subsampling="4:2:0"))
    data[data.index(b"\xff\xc0") + 11] = sampling  # the scan then ends early or late: no matter

    picture = read(bytes(data))

    assert picture.pixels.shape[1] == WIDTH
    assert picture.pixels[:64].std() > 10


def test_bytes_between_blocks_hide_no_gif() -> None:
    data = encoded("GIF")
    descriptor = data.index(b"\x2c\0\0\0\0")

    picture = read(data[:descriptor] + b"junk" + data[descriptor:])

    np.testing.assert_array_equal(picture.pixels, read(data).pixels)


@pytest.mark.parametrize("following", [8, 10_000_000])
def test_a_chain_of_pages_that_loops_hides_no_tiff(following: int) -> None:
    data = bytearray(encoded("TIFF"))
    start = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[start : start + 2], "little")
    end = start + 2 + 12 * entries
    data[end : end + 4] = following.to_bytes(4, "little")

    header = read_header(bytes(data), sniff(bytes(data)), Limits())

    assert header.warnings == (Warn.DAMAGED,)
    np.testing.assert_array_equal(read(bytes(data)).pixels, photo())


def test_a_wrong_checksum_hides_no_png() -> None:
    data = bytearray(encoded("PNG"))
    data[-13] ^= 1  # the CRC of the pixel data
    data[-20] ^= 1  # the checksum of its zlib stream

    picture = read(bytes(data))

    assert Warn.DAMAGED in picture.warnings
    assert not picture.truncated
    np.testing.assert_array_equal(picture.pixels, photo())


def test_a_png_stream_that_ends_early_is_no_black_picture() -> None:
    part = encoded("PNG", height=100)
    whole = bytearray(encoded("PNG"))
    header = bytes(whole[8:33])
    data = part[:8] + header + part[33:]  # 300 rows claimed, 100 there

    picture = read(data)

    assert picture.truncated
    np.testing.assert_array_equal(picture.pixels, photo()[:100])


def test_libtiff_complains_to_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded("TIFF", compression="tiff_lzw"))
    data[3000:3100] = bytes(100)

    try:
        read(bytes(data))
    except InputTrouble as trouble:
        assert trouble.reason is Reason.CORRUPT
    assert capfd.readouterr() == ("", "")
