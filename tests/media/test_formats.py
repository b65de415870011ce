"""Every format through a real encoder and back, as Pillow shows it, upright and on white."""

import io
import mmap
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from verascope.media.image import Picture, decode, read_header
from verascope.media.types import judgeable
from verascope.result import Modality, Warn
from verascope.settings import Limits

WIDTH, HEIGHT = 97, 70
LOSSLESS = ("PNG", "WEBP", "TIFF", "BMP", "GIF")
ORIENTATION = 0x0112


def photo(mode: str = "RGB") -> Image.Image:
    """A picture without symmetry: smooth colour, some noise, another colour in each corner."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([x * 2, y * 3, (x + y)], axis=-1) + rng.integers(0, 20, (HEIGHT, WIDTH, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    if file_format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if file_format == "WEBP":
        options.setdefault("lossless", True)
        options.setdefault("exact", True)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def read(data: bytes | mmap.mmap) -> tuple[Picture, tuple[Warn, ...]]:
    found, _ = judgeable(data, "", frozenset({Modality.IMAGE}))
    header = read_header(data, found, Limits())
    picture = decode(data, found, header, Limits())
    height, width, _ = picture.pixels.shape
    assert (header.width, header.height) == (width, height)
    assert picture.pixels.dtype == np.uint8
    assert not picture.truncated
    return picture, header.warnings + picture.warnings


def as_pillow_shows(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        shown = ImageOps.exif_transpose(image)
        if shown.has_transparency_data:
            layer = shown.convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            shown = Image.alpha_composite(white, layer)
        return np.asarray(shown.convert("RGB"))


@pytest.mark.parametrize("file_format", [*LOSSLESS, "JPEG", "AVIF", "HEIF"])
def test_reads_what_pillow_reads(file_format: str) -> None:
    data = encoded(photo(), file_format)

    picture, warnings = read(data)

    np.testing.assert_array_equal(picture.pixels, as_pillow_shows(data))
    assert warnings == ()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_upright(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encoded(photo(), file_format, exif=exif.tobytes())

    picture, _ = read(data)

    np.testing.assert_array_equal(picture.pixels, as_pillow_shows(data))
    turned = picture.pixels.shape[0] > picture.pixels.shape[1]
    assert turned == (orientation >= 5)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_is_bit_identical_to_pillow(mode: str, progressive: bool, subsampling: str) -> None:
    data = encoded(photo(mode), "JPEG", progressive=progressive, subsampling=subsampling)

    picture, _ = read(data)

    np.testing.assert_array_equal(picture.pixels, as_pillow_shows(data))


def test_cmyk_jpeg_is_within_rounding_of_pillow() -> None:
    data = encoded(photo("CMYK"), "JPEG", quality=90)

    picture, _ = read(data)

    difference = picture.pixels.astype(int) - as_pillow_shows(data)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize(
    ("mode", "file_format"),
    [
        *((mode, "PNG") for mode in ("1", "L", "P", "LA", "RGBA")),
        *((mode, "TIFF") for mode in ("1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "LAB")),
        *((mode, "BMP") for mode in ("1", "L", "P", "RGBA")),
        *((mode, "GIF") for mode in ("1", "L", "P", "RGBA")),
        *((mode, "WEBP") for mode in ("L", "RGBA")),
        *((mode, "AVIF") for mode in ("L", "RGBA")),
    ],
)
def test_modes(mode: str, file_format: str) -> None:
    image = photo("RGB")
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = encoded(image.convert(mode), file_format)

    picture, _ = read(data)

    np.testing.assert_array_equal(picture.pixels, as_pillow_shows(data))


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"]
)
def test_tiff_compressions(compression: str) -> None:
    data = encoded(photo(), "TIFF", compression=compression)

    np.testing.assert_array_equal(read(data)[0].pixels, as_pillow_shows(data))


def test_big_tiff() -> None:
    data = encoded(photo(), "TIFF", big_tiff=True)

    np.testing.assert_array_equal(read(data)[0].pixels, np.asarray(photo()))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_lose_the_low_byte(file_format: str) -> None:
    values = np.arange(WIDTH * HEIGHT, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 9

    picture, _ = read(encoded(Image.fromarray(values), file_format))

    np.testing.assert_array_equal(picture.pixels[..., 0], values >> 8)


@pytest.mark.parametrize(("largest", "white"), [(1.0, 1.0), (200.0, 255.0), (9e4, 9e4)])
def test_floats_are_taken_in_the_smallest_usual_range(largest: float, white: float) -> None:
    values = np.linspace(0, largest, WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH)
    values[0, :3] = (np.nan, np.inf, -5)

    picture, _ = read(encoded(Image.fromarray(values), "TIFF"))

    assert picture.pixels[0, :3].max() == 0
    assert picture.pixels[-1, -1, 0] == int(largest / white * 255)


def test_wide_integers() -> None:
    values = np.full((HEIGHT, WIDTH), 65535, np.int32)
    values[0, 0] = -7

    picture, _ = read(encoded(Image.fromarray(values), "TIFF"))

    assert picture.pixels[0, 0].tolist() == [0, 0, 0]
    assert picture.pixels[-1, -1].tolist() == [255, 255, 255]


def test_png_with_a_transparent_colour() -> None:
    data = encoded(photo(), "PNG", transparency=tuple(photo().getpixel((5, 5))))  # type: ignore[arg-type]

    picture, _ = read(data)

    assert picture.pixels[5, 5].tolist() == [255, 255, 255]


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_first_frame_only(file_format: str) -> None:
    frames = [ImageOps.invert(photo())] * 2
    data = encoded(photo(), file_format, save_all=True, append_images=frames)

    picture, warnings = read(data)

    assert warnings == (Warn.FIRST_FRAME_ONLY,)
    np.testing.assert_array_equal(picture.pixels, as_pillow_shows(data))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_says_that_bytes_follow(file_format: str) -> None:
    data = encoded(photo(), file_format)

    picture, warnings = read(data + b"<script>alert(1)</script>")

    assert warnings == (Warn.TRAILING_DATA,)
    np.testing.assert_array_equal(picture.pixels, as_pillow_shows(data))


@pytest.mark.parametrize("file_format", [*LOSSLESS, "JPEG", "AVIF", "HEIF"])
def test_reads_a_map_and_lets_go_of_it(file_format: str) -> None:
    data = encoded(photo(), file_format)
    with mmap.mmap(-1, len(data)) as mapped:
        mapped[:] = data
        pixels = read(mapped)[0].pixels
    np.testing.assert_array_equal(pixels, as_pillow_shows(data))
