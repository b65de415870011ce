"""Whatever the bytes are: a Picture or InputTrouble, in time, and nothing printed."""

import contextlib
import functools
import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from verascope.errors import InputTrouble
from verascope.media.image import decode, read_header
from verascope.media.types import DECODED, judgeable, sniff
from verascope.result import Modality
from verascope.settings import Limits

LIMITS = Limits(max_pixels=1_000_000)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")
MAGIC = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
    b"GIF89a",
    b"II*\0\x08\0\0\0",
    b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
    b"RIFF\xff\xff\0\0WEBP",
    b"BM\xff\xff\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
    b"\0\0\0\x1cftypheic\0\0\0\0heicmif1",
)
fuzz = functools.partial(
    settings, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


@functools.cache
def sample(file_format: str) -> bytes:
    if file_format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    rng = np.random.default_rng(1)
    smooth = np.linspace(0, 200, 90 * 80 * 3).reshape(90, 80, 3)
    image = Image.fromarray((smooth + rng.integers(0, 30, smooth.shape)).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, file_format, exif=exif.tobytes())
    return buffer.getvalue()


def check(data: bytes) -> None:
    """Both stages, also where the first one's type would have been refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(InputTrouble):
            judgeable(data, "a.jpg", frozenset({Modality.IMAGE}))
        media_type = sniff(data)
        if media_type.name not in DECODED:
            return
        try:
            header = read_header(data, media_type, LIMITS)
            picture = decode(data, media_type, header, LIMITS)
        except InputTrouble:
            return
    height, width, channels = picture.pixels.shape
    assert picture.pixels.dtype == np.uint8
    assert channels == 3
    assert 0 < height * width <= LIMITS.max_pixels
    if not picture.truncated:
        assert (width, height) == (header.width, header.height)


@fuzz(max_examples=1000)
@given(start=st.sampled_from((b"", *MAGIC)), rest=st.binary(max_size=400))
def test_random_bytes(start: bytes, rest: bytes) -> None:
    check(start + rest)


@pytest.mark.parametrize("file_format", FORMATS)
@fuzz(max_examples=300)
@given(data=st.data())
def test_mutated_files(file_format: str, data: st.DataObject) -> None:
    valid = bytearray(sample(file_format))
    places = st.integers(0, len(valid) - 1) | st.integers(0, min(200, len(valid) - 1))
    for at in data.draw(st.lists(places, max_size=6)):
        valid[at] = data.draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xD9, 0xFE, 0xFF)))
    cut = data.draw(st.none() | st.integers(0, len(valid)))
    check(bytes(valid[:cut]))


@pytest.mark.parametrize("file_format", FORMATS)
@fuzz(max_examples=100)
@given(data=st.data())
def test_spliced_files(file_format: str, data: st.DataObject) -> None:
    valid = sample(file_format)
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(valid))] * 2)))
    check(valid[:first] + data.draw(st.binary(max_size=40)) + valid[second:])
