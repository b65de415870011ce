"""The measures, on pictures whose answer is known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from verascope.generate.contract import Array
from verascope.generate.spectrum import (
    BINS,
    peak,
    psnr,
    radial_spectrum,
    self_test,
    spectrum_auroc,
)


def grain(k: int, side: int = 64) -> Array:
    rng = np.random.default_rng(k)
    picture = np.asarray(
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).filter(
            ImageFilter.GaussianBlur(1)
        )
    )
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def blurred(picture: Array) -> Array:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(0.8)))


def doubled(picture: Array) -> Array:
    """Down and up by zero insertion and a poor filter: the trace of a transposed convolution."""
    small = picture[::2, ::2].astype(np.float64)
    large = np.zeros(picture.shape)
    large[::2, ::2] = small * 1.3
    large[1::2, ::2] = large[::2, 1::2] = large[1::2, 1::2] = small
    return np.clip(large, 0, 255).astype(np.uint8)


def test_psnr_is_its_definition() -> None:
    a = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(a, a) == 99
    assert psnr(a, a + np.uint8(1)) == pytest.approx(20 * np.log10(255))


def test_the_radial_spectrum_has_a_bin_for_every_ring_and_size() -> None:
    for side in (64, 65, 200):
        spectrum = radial_spectrum(grain(0, side))
        assert spectrum.shape == (BINS,)
        assert np.isfinite(spectrum).all()


def test_blur_is_seen_and_a_copy_is_not() -> None:
    real = [grain(k) for k in range(40)]
    assert spectrum_auroc(real, [blurred(p) for p in real]) > 0.95
    assert spectrum_auroc(real, [grain(k) for k in range(100, 140)]) < 0.7


def test_the_up_samplers_peak_is_seen() -> None:
    real = [grain(k) for k in range(10)]
    test = self_test(real, [doubled(p) for p in real], paired=True)
    assert test.peak_db > 10
    assert test.psnr_db is not None
    assert float(np.mean([peak(p) for p in real])) < 3
    assert self_test(real, real, paired=False).psnr_db is None
