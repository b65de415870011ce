"""Vocos, HiFi-GAN and the codec beyond the contract: they learn, keep level and timing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.generate.contract import Budget, Item
from verascope.generate.data import Listed
from verascope.generate.hifigan import Hifigan, HifiganConfig
from verascope.generate.mel import log_mel
from verascope.generate.sounds import example_sounds
from verascope.generate.vocoder import Critic, MelSpectrum, Vocoder, leveled
from verascope.generate.vocos import Vocos, VocosConfig
from verascope.generate.vq_codec import Network, VqCodec, VqCodecConfig

SMALL: dict[str, Vocoder] = {
    "vq-codec": VqCodec(
        VqCodecConfig(
            width=12, rates=(4, 8), latent=16, codes=64, clip=2048, batch=3, learning_rate=3e-3
        )
    ),
    "vocos": Vocos(VocosConfig(size=512, hop=128, mels=40, width=48, depth=2, clip=2048, batch=3)),
    "hifigan": Hifigan(
        HifiganConfig(
            size=512, hop=64, mels=40, width=32, rates=(8, 8), clip=2048, batch=3, begins=0.8
        )
    ),
}


@pytest.fixture(scope="module", params=SMALL)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vocoder:
    generator = SMALL[request.param]
    out = tmp_path_factory.mktemp(request.param)
    generator.train(Listed(example_sounds(n=6)), Budget(steps=120), seed=0, out=out)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_bytes().splitlines()]
    losses = [line["loss_mel"] for line in lines if "loss_mel" in line]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert any("loss_d" in line for line in lines)
    return generator


def twin(generator: Vocoder, item: Item) -> NDArray[np.int16]:
    return next(iter(generator.transform([item], seed=0))).media


def test_a_twin_has_its_originals_level_and_is_nearest_to_it(trained: Vocoder) -> None:
    items = example_sounds(n=4)
    for item in items:
        made = twin(trained, item)
        assert made.shape == item.media.shape
        assert made.astype(float).std() == pytest.approx(
            item.media.astype(float).std(), rel=0.25
        )  # a peaky twin is quieter
        far = [np.abs(log_mel(made) - log_mel(other.media)).mean() for other in items]
        assert int(np.argmin(far)) == item.key
        assert not np.array_equal(made, item.media)


@pytest.mark.parametrize("n", [1, 200, 5_001])
def test_any_length_keeps_its_length(trained: Vocoder, n: int) -> None:
    item = example_sounds(n=1)[0]
    made = twin(trained, replace(item, media=item.media[:n]))
    assert made.shape == (n,)


def test_rates_must_come_to_the_hop() -> None:
    with pytest.raises(UsageError, match="not to hop"):
        HifiganConfig(hop=256, rates=(8, 8))


@pytest.mark.parametrize("rates", [(8, 8), (5, 3, 4), (2, 7)])
def test_transposed_convolutions_reach_every_sample(rates: tuple[int, ...]) -> None:
    hop = int(np.prod(rates))
    config = HifiganConfig(size=256, hop=hop, mels=20, width=8, rates=rates)
    wave = torch.randn(2, 1, 3_000)
    assert Hifigan(config).network()(wave).shape == wave.shape


def test_the_mel_spectrum_is_that_of_the_measure() -> None:
    item = example_sounds(n=1)[0]
    wave = torch.from_numpy(item.media / 32_768.0).float()[None, None]
    found = MelSpectrum(1024, 256, 80)(wave)[0].T.numpy()
    wanted = log_mel(item.media)
    assert found.shape[1] == wanted.shape[1]
    inside = slice(4, min(len(found), len(wanted)) - 4)  # the ends are padded otherwise
    np.testing.assert_allclose(found[inside], wanted[inside], atol=0.02)


def test_a_critic_gives_a_map_and_a_level_is_taken_out() -> None:
    wave = torch.randn(2, 1, 4_096)
    maps = Critic(512)(wave)
    assert maps[-1].shape[:2] == (2, 1)
    torch.testing.assert_close(leveled(wave), leveled(5 * wave), atol=1e-4, rtol=1e-3)


def test_only_codes_go_through_and_both_sides_learn() -> None:
    config = VqCodecConfig(width=4, rates=(4, 4), latent=3, codes=4, books=2)
    network = Network(config)
    wave = 0.05 * torch.randn(2, 1, 1_600)
    made, loss = network.both(wave)
    (made.square().mean() + loss).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    seen: list[torch.Tensor] = []
    network.decoder.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    network(wave)
    frames = seen[0].mT.flatten(0, 1)
    assert len(torch.unique(frames.round(decimals=4), dim=0)) <= 4 * 4
