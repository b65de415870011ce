"""Drawn decoders: many, different, reproducible, and no more than a quarter fingerprints."""

from pathlib import Path

import pytest
import torch

from verascope.generate.contract import Budget
from verascope.generate.data import Listed, example_pictures
from verascope.generate.draw import FACTORS, drawn, wider
from verascope.generate.reconstructor import Autoencoder, Reconstructor, ReconstructorConfig
from verascope.generate.upsample import UPSAMPLERS, Upsampler, doubling


def test_twenty_four_are_twenty_four_different_ones() -> None:
    configs = [drawn(0, k) for k in range(24)]
    assert len({c.sha256() for c in configs}) == 24
    assert configs == [drawn(0, k) for k in range(24)]
    assert configs != [drawn(1, k) for k in range(24)]
    assert not {c.sha256() for c in configs} & {drawn(0, k, 1).sha256() for k in range(24)}
    plain = [c for c in configs if c.low_pass_px == 0]
    assert len(plain) == 6
    assert all(c.factor >= 4 for c in plain)
    aligned = [c for c in configs if c.low_pass_px]
    assert {c.factor for c in aligned} == set(FACTORS) == {2, 4, 8, 16}
    assert {c.norm for c in aligned} == {"none", "group", "batch"}
    for c in aligned:
        assert 0.35 * c.factor - 0.01 <= c.low_pass_px <= c.factor / 2
        assert wider(c) == sorted(wider(c))
        assert wider(c)[0] > c.low_pass_px
    for field in ("upsampler", "norm", "activation", "width", "latent", "adversarial"):
        assert len({getattr(c, field) for c in configs}) > 1
    assert {c.upsampler for c in configs if c.low_pass_px} == set(UPSAMPLERS)
    assert {c.upsampler for c in plain} == set(UPSAMPLERS)


@pytest.mark.parametrize("upsampler", UPSAMPLERS)
def test_every_upsampler_doubles(upsampler: Upsampler) -> None:
    layers = torch.nn.Sequential(*doubling(4, 6, upsampler))
    assert layers(torch.zeros(2, 4, 5, 7)).shape == (2, 6, 10, 14)


@pytest.mark.parametrize("k", range(0, 24, 3))
def test_each_of_them_trains_and_makes_twins(k: int, tmp_path: Path) -> None:
    import msgspec

    config = msgspec.structs.replace(drawn(0, k), width=4, crop=32, batch=2)
    generator = Reconstructor(config)
    pictures = example_pictures(50, 4)
    generator.train(Listed(pictures), Budget(steps=2), seed=0, out=tmp_path)
    for item, twin in zip(pictures, generator.transform(pictures, 0), strict=True):
        assert twin.media.shape == item.media.shape


def test_a_codebook_leaves_only_its_codes_and_learns() -> None:
    network = Autoencoder(ReconstructorConfig(factor=4, codes=8, latent=3, width=4))
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    y, loss = network.both(x)
    (y.mean() + loss).backward()  # type: ignore[no-untyped-call]
    assert network.codebook is not None
    gradient = network.codebook.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0
    first = network.encoder[0].weight
    assert isinstance(first, torch.Tensor)
    assert first.grad is not None
    assert first.grad.abs().sum() > 0  # gradients pass straight through
    assert loss.item() > 0
    assert network(x).shape == x.shape
