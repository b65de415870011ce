"""token-lm, flow-vocoder and WaveGAN beyond the contract."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from verascope.generate.contract import Budget, TrainingStoppedError
from verascope.generate.data import Listed
from verascope.generate.flow_vocoder import FlowVocoder, FlowVocoderConfig
from verascope.generate.flow_vocoder import Network as Flow
from verascope.generate.mel import log_mel
from verascope.generate.sounds import example_sounds
from verascope.generate.token_lm import TokenModel, one_of, spans
from verascope.generate.vocoder import leveled
from verascope.generate.vq_codec import Network as Codec
from verascope.generate.vq_codec import VqCodecConfig
from verascope.generate.wavegan import WaveGan, WaveGanConfig, shuffled


def losses(out: Path, name: str) -> list[float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_bytes().splitlines()]
    return [line[name] for line in lines if name in line]


def test_a_codes_book_spreads_over_the_frames() -> None:
    torch.manual_seed(0)
    network = Codec(VqCodecConfig(width=4, rates=(4, 4), latent=4, codes=16, books=2))
    wave = 0.05 * torch.randn(4, 1, 3_200)
    for _ in range(20):
        network.both(wave)
    network.eval()
    tokens = network.tokens(wave)
    assert tokens.shape == (4, 200, 2)
    for book in range(2):
        assert len(set(tokens[..., book].flatten().tolist())) >= 12
    torch.testing.assert_close(network.decoded(tokens, 3_200), network(wave))
    before = network.get_buffer("books").clone()
    network.both(wave)
    torch.testing.assert_close(network.get_buffer("books"), before)  # only training moves it


@pytest.mark.parametrize("future", [True, False])
def test_no_token_sees_itself_and_without_a_future_none_after_it(future: bool) -> None:
    torch.manual_seed(0)
    model = TokenModel(codes=8, books=3, hidden=16, future=future).eval()
    tokens = torch.randint(8, (1, 10, 3))
    other = tokens.clone()
    other[0, 5, 1] = (other[0, 5, 1] + 1) % 8
    changed = (model(tokens) - model(other)).abs().amax(-1)[0] > 1e-6
    assert not changed[5, :2].any()  # the token's own logits, and those of the book before it
    assert changed[5, 2]
    assert changed[6:].all()
    assert bool(changed[:5].any()) == future


def test_a_model_learns_what_follows_what_and_says_it() -> None:
    torch.manual_seed(0)
    model = TokenModel(codes=6, books=2, hidden=16, future=False)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    ramp = torch.arange(60)[None, :, None] % 6
    tokens = torch.cat([ramp, (ramp + 1) % 6], 2)
    for _ in range(150):
        optimiser.zero_grad()
        found = model(tokens).flatten(0, 2)
        torch.nn.functional.cross_entropy(found, tokens.flatten()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    rng = np.random.default_rng(0)
    anew = [10 <= k < 30 for k in range(60)]
    forgotten = tokens.clone()
    forgotten[:, 10:30] = 0
    said = model.eval().resampled(forgotten, anew, 0.3, 0, rng)
    assert (said == tokens).float().mean() > 0.95
    assert torch.equal(said[:, :10], tokens[:, :10])
    kept = model.resampled(forgotten, anew, 0.3, 1, rng)
    assert torch.equal(kept[..., 0], forgotten[..., 0])


def test_spans_come_whole_and_to_their_share() -> None:
    rng = np.random.default_rng(0)
    chosen = spans(80, 0.5, 8, rng)
    assert sum(chosen) == 40
    assert all(len(set(chosen[k : k + 8])) == 1 for k in range(0, 80, 8))
    assert not any(spans(13, 0.0, 4, rng))
    assert all(spans(13, 1.0, 4, rng))
    drawn = [one_of(torch.tensor([0.0, 0.75, 0.25]), rng) for _ in range(400)]
    assert 250 < drawn.count(1) < 350
    assert 0 not in drawn


def test_shaped_noise_has_the_recordings_envelope_and_spectra_come_back() -> None:
    network = Flow(FlowVocoderConfig())
    wave = torch.from_numpy(example_sounds(n=1)[0].media / 32_768.0).float()[None, None]
    wave = leveled(wave)
    envelope = network.envelope(network.mel(wave))
    white = torch.randn(wave.shape, generator=torch.Generator().manual_seed(0))
    noise = network.shaped(white, envelope)
    assert float(noise.std() / wave.std()) == pytest.approx(1, abs=0.25)
    back = network._wave(network.whitened(wave, envelope), envelope, wave.shape[-1])
    torch.testing.assert_close(back, wave, atol=1e-4, rtol=1e-3)


def test_a_flow_learns_and_its_twin_is_nearest_to_the_original(tmp_path: Path) -> None:
    config = FlowVocoderConfig(size=512, hop=128, width=32, depth=2, clip=2048, batch=3, ema=0.9)
    generator = FlowVocoder(config)
    items = example_sounds(n=4)
    generator.train(Listed(items), Budget(steps=100), seed=0, out=tmp_path)
    found = losses(tmp_path, "loss_flow")
    assert np.mean(found[-10:]) < 0.9 * np.mean(found[:10])
    for item, made in zip(items, generator.transform(items, seed=0), strict=True):
        far = [np.abs(log_mel(made.media) - log_mel(other.media)).mean() for other in items]
        assert int(np.argmin(far)) == item.key
        level = made.media.astype(float).std()
        assert level == pytest.approx(item.media.astype(float).std(), rel=0.25)
    first, other = (next(iter(generator.transform(items[:1], seed))).media for seed in (0, 1))
    assert not np.array_equal(first, other)  # the noise is the seed's


def test_phase_shuffle_shifts_each_by_itself() -> None:
    x = torch.arange(40.0).expand(64, 3, 40)
    found = shuffled(x, 2, torch.Generator().manual_seed(0))
    shifts = (found - x)[:, :, 10]
    assert set(shifts.flatten().tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert torch.equal(shifts[:, 0], shifts[:, 2])
    assert torch.equal(shuffled(x, 0, torch.Generator()), x)


@pytest.mark.parametrize("samples", [1024, 4096, 16_384])
def test_wavegan_makes_as_many_samples_as_it_says(samples: int) -> None:
    config = WaveGanConfig(samples=samples, width=2, latent=4)  # type: ignore[arg-type]
    assert WaveGan(config).network()(torch.zeros(2, 4)).shape == (2, 1, samples)


def test_a_wavegan_that_collapses_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verascope.generate.loop.COLLAPSED_STEPS", 2)
    generator = WaveGan(WaveGanConfig(samples=1024, latent=4, width=2, batch=4, learning_rate=1e-9))
    data = Listed(generator.examples())
    with pytest.raises(TrainingStoppedError, match="collapsed"):
        generator.train(data, Budget(steps=10), seed=0, out=tmp_path)
