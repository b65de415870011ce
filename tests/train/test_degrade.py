import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.conftest import toy_pixels
from verascope.train import degrade
from verascope.train.degrade import Fates

ALWAYS = Fates(
    flip=1, shrink=1, blur=1, noise=1, tone=1, grey=1, twice=1, webp=0.5, platform=0, small=0.5
)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(64, 260), st.integers(64, 260), st.sampled_from([96, 128, 192]), st.integers(0, 999)
)
def test_any_picture_gives_a_full_crop(height: int, width: int, side: int, seed: int) -> None:
    pixels = toy_pixels("real", 1, 260)[:height, :width]
    crop = degrade.training_crop(pixels, side, ALWAYS, np.random.default_rng(seed))
    assert crop.shape == (side, side, 3)
    assert crop.dtype == np.uint8


def test_the_same_seed_gives_the_same_fate() -> None:
    pixels = toy_pixels("synthetic", 1)
    one, same, other = (
        degrade.training_crop(pixels, 128, Fates(), np.random.default_rng(seed))
        for seed in (3, 3, 4)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_every_crop_was_through_a_lossy_encoder() -> None:
    """A one-pixel chequerboard in colour cannot survive 4:2:0 or quality ≤ 95 unchanged."""
    board = np.indices((216, 216)).sum(0) % 2 * 255
    pixels = np.stack([board, 255 - board, board], 2).astype(np.uint8)
    calm = Fates(flip=0, shrink=0, blur=0, noise=0, tone=0, grey=0, small=0)
    for seed in range(20):
        crop = degrade.training_crop(pixels, 128, calm, np.random.default_rng(seed))
        assert len(np.unique(crop)) > 2


def test_the_platform_shrinks_only_what_is_too_large() -> None:
    large = np.zeros((600, 2160, 3), np.uint8)
    assert degrade.social(large).shape == (300, 1080, 3)
    assert degrade.social(large[:, :1000]).shape == (600, 1000, 3)


def test_the_centre_crop_is_central_and_never_larger() -> None:
    pixels = toy_pixels("real", 2, 210)
    assert (degrade.centre_crop(pixels) == pixels[5:205, 5:205]).all()
    assert degrade.centre_crop(pixels[:80]).shape == (80, 200, 3)


@pytest.mark.parametrize("subsampling", ["420", "444"])
def test_jpeg_round_trip_keeps_the_picture(subsampling: str) -> None:
    pixels = toy_pixels("real", 3)
    back = degrade.decode(degrade.encode(pixels, 95, subsampling))
    assert np.abs(back.astype(int) - pixels).mean() < 6
