import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verascope.detect.crops import CROP, MIN_SHIFT, MIN_SIDE, native_crops


def picture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng((height, width))
    return rng.integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(MIN_SIDE, 700), st.integers(MIN_SIDE, 700))
def test_crops_are_the_pictures_own_pixels(height: int, width: int) -> None:
    pixels = picture(height, width)
    windows = native_crops(pixels)
    assert 1 <= len(windows.values) <= 5
    assert windows.values.shape[1:] == (CROP, CROP, 3)
    for crop, (x, y, w, h) in zip(windows.values, windows.places, strict=True):
        assert (crop[:h, :w] == pixels[y : y + h, x : x + w]).all()


@pytest.mark.parametrize(("side", "count"), [(100, 1), (192, 1), (200, 1), (1000, 5)])
def test_larger_pictures_get_more_crops(side: int, count: int) -> None:
    windows = native_crops(picture(side, side))
    assert len(windows.values) == count
    corners = windows.places[:, :2]
    gaps = np.abs(corners[:, None] - corners[None]).max(2)[~np.eye(count, dtype=bool)]
    assert (gaps >= MIN_SHIFT).all()


def test_a_small_picture_is_mirrored() -> None:
    pixels = picture(100, 192)
    (crop,) = native_crops(pixels).values
    assert (crop[100:192] == pixels[8:100][::-1]).all()


def test_the_first_crop_is_the_middle() -> None:
    assert native_crops(picture(392, 592)).places[0].tolist() == [200, 100, 192, 192]
