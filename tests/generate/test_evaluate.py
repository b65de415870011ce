"""The measures on sets whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.encoders.tiny import PLAN, WIDTH, tiny
from verascope.encoders.own import install_own
from verascope.errors import UsageError
from verascope.generate.contract import Array, Budget
from verascope.generate.data import Listed, example_pictures
from verascope.generate.dcgan import Dcgan
from verascope.generate.evaluate import (
    compare,
    density_coverage,
    evaluate,
    kid,
    nearest,
    spectrum_distance,
)
from verascope.generate.features import encoder_features, random_features

N = 60
PICTURES: list[Array] = [item.media for item in example_pictures(64, 3 * N)]
A, B, C = PICTURES[:N], PICTURES[N : 2 * N], PICTURES[2 * N :]


def test_a_perfect_generator_is_at_the_floor() -> None:
    found = compare(A, B, C, memorised=True)
    assert abs(found.kid.value) < 0.5
    assert found.spectrum_distance.value < 2 * found.spectrum_distance.floor + 0.1
    assert found.density.value == pytest.approx(found.density.floor, abs=0.3)
    assert found.coverage.value > 0.8
    assert found.memorised is not None
    assert found.memorised.value == pytest.approx(found.memorised.floor, rel=0.2)
    assert found.pictures == N


def test_collapse_is_seen_by_coverage() -> None:
    found = compare(A, B, [C[0]] * N)
    assert found.coverage.value < 0.3 < found.coverage.floor
    assert found.kid.value > 1 > abs(found.kid.floor)


def test_copies_are_seen_by_the_distance_to_the_nearest() -> None:
    found = compare(A, B, A[::-1], memorised=True)
    assert found.memorised is not None
    assert found.memorised.value < 0.01 < found.memorised.floor


def test_blur_is_seen_by_the_spectrum() -> None:
    blurred = [np.asarray(Image.fromarray(p).filter(ImageFilter.GaussianBlur(1))) for p in B]
    assert spectrum_distance(A, blurred) > 5 * spectrum_distance(A, B)


def test_kid_and_coverage_are_their_definitions() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300, 4))
    assert abs(kid(a, b)) < 0.1
    assert kid(a, b + 2) > 1
    # In its own set, every point lies in its own ball and in those of about k others.
    density, coverage = density_coverage(a, a)
    assert coverage == 1
    assert density == pytest.approx(1, abs=0.1)
    assert density_coverage(a, b + 100) == (0, 0)
    assert nearest(a, a) < 1e-6


def test_features_are_the_same_everywhere_and_leave_the_global_state_alone() -> None:
    import torch

    torch.manual_seed(1)
    first = random_features(A[:5])
    torch.manual_seed(2)
    np.testing.assert_allclose(random_features(A[:5]), first, rtol=1e-5)
    assert first.shape == (5, 448)
    assert np.isfinite(first).all()


def test_held_out_pictures_allow_the_memorisation_check(tmp_path: Path) -> None:
    generator, data = Dcgan.tiny(), Listed(example_pictures(32, 30))
    generator.train(data, Budget(steps=2), seed=0, out=tmp_path)
    assert evaluate(generator, data, None, count=20, seed=0).memorised is None
    held_out = Listed(example_pictures(32, 60)[30:])
    assert evaluate(generator, data, held_out, count=20, seed=0).memorised is not None
    with pytest.raises(UsageError, match="at least 10"):
        evaluate(generator, data, held_out, count=4, seed=0)


def test_features_of_an_installed_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERASCOPE_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match="verascope models install mine"):
        encoder_features("mine")
    install_own(tiny(), PLAN, tmp_path)
    name, features = encoder_features("mine")
    assert name == "mine own, block_1 class"
    pictures = [item.media for item in example_pictures(64, 3)]
    found = features(pictures)
    assert found.shape == (3, WIDTH)
    np.testing.assert_array_equal(features(pictures[1:2]), found[1:2])
