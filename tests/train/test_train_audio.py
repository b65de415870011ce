"""`train audio` on drawn speech and its zero-phase twins: command line → run → detector."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result

from verascope.cli.train import train
from verascope.detect import registry
from verascope.detect.audio_network import AudioNetwork
from verascope.generate.device import pick
from verascope.generate.manifest import Row, write
from verascope.generate.sounds import RATE, example_sounds
from verascope.train import fit
from verascope.train.audio import PairBatches
from verascope.train.audio_network import PairState, torch_score
from verascope.train.audio_recipe import RECIPES
from verascope.train.corpora import items_of, read_corpora
from verascope.train.sound_fates import training_window, trimmed
from verascope.train.sound_features import load

TINY = RECIPES["tiny"]
CPU = pick("cpu")


def robotic(media: np.ndarray) -> np.ndarray:
    """The same sound with every spectrum's phase at zero, as a bad vocoder leaves it."""
    frames = media[: len(media) // 200 * 200].reshape(-1, 200).astype(float)
    flat = np.fft.irfft(np.abs(np.fft.rfft(frames)))
    return np.clip(np.rint(flat), -32_768, 32_767).astype(np.int16).ravel()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(train, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn speech and its twin, four sources for train."""
    folder = tmp_path_factory.mktemp("sounds")
    rows = []
    for number, item in enumerate(example_sounds(2.0, 12)):
        for label, media in (("real", item.media), ("synthetic", robotic(item.media))):
            path = f"{label}-{number}.wav"
            soundfile.write(folder / path, media, RATE)
            source, pair = f"toy-{number % 4}", f"toy-{number}"
            rows.append(Row(path=path, label=label, source=source, split="train", pair=pair))
    write(folder / "manifest.csv", rows)
    return folder


@pytest.fixture(scope="module")
def batches(sounds: Path) -> PairBatches:
    items = items_of(read_corpora([sounds], "train"))
    return PairBatches(TINY, items, lambda index: load(items[index]))


@pytest.fixture(scope="module")
def trained(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    done = run("audio", "--corpus", sounds, "--out", out, "--recipe", "tiny")
    assert done.exit_code == 0, done.output + repr(done.exception)
    return out


def test_the_model_folder_is_a_detector_that_keeps_its_reference(trained: Path) -> None:
    detector = registry.create(str(trained / "model"))
    assert isinstance(detector, AudioNetwork)
    detector.load()
    windows, logits = detector.folder.reference()
    np.testing.assert_allclose(detector.score(windows), logits, atol=1e-4)
    assert (trained / "model" / "model.onnx").stat().st_size < 2_000_000
    assert (trained / "scores.csv").read_text().count("\n") == 25


def test_a_finished_run_resumes_to_the_same_model_and_is_not_overwritten(
    trained: Path, sounds: Path, tmp_path: Path
) -> None:
    before = (trained / "model" / "model.onnx").read_bytes()
    copy = shutil.copytree(trained, tmp_path / "copy")
    again = ("audio", "--corpus", sounds, "--out", copy, "--recipe", "tiny")
    assert "--resume" in str(run(*again).exception)
    assert run(*again, "--resume").exit_code == 0
    assert (copy / "model" / "model.onnx").read_bytes() == before


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    batches: PairBatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verascope.train.fit.LOG_EVERY", 1)
    monkeypatch.setattr("verascope.train.fit.SAVE_EVERY", 2)

    def stop(line: fit.Progress) -> None:
        if line.step == 5:
            raise KeyboardInterrupt

    whole = fit.loop(TINY, PairState(TINY, CPU), batches, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit.loop(TINY, PairState(TINY, CPU), batches, tmp_path / "cut", report=stop)
    resumed = fit.loop(TINY, PairState(TINY, CPU), batches, tmp_path / "cut")
    for one, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_twins_come_together_and_the_contrast_pulls_them_apart(batches: PairBatches) -> None:
    spectra, labels, twins = batches(0, 0.0)
    assert spectra.shape == (8, 125, 257)
    assert labels.tolist() == [0, 1] * 4
    assert twins.all()
    state = PairState(TINY, CPU)
    state.network.eval()
    apart = state.loss(spectra, labels, twins) - state.loss(spectra, labels, ~twins)
    real, made = state.network(spectra).view(-1, 2).unbind(1)
    expected = TINY.contrast * torch.log1p(torch.exp(real - made)).mean()
    torch.testing.assert_close(apart, expected)


def test_training_tells_twins_apart(batches: PairBatches, tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(TINY, steps=60)
    network = fit.loop(recipe, PairState(recipe, CPU), batches, tmp_path)
    drawn = [item.media for item in example_sounds(2.0, 16)[12:]]
    real = torch_score(network, np.stack(drawn))
    made = torch_score(network, np.stack([np.resize(robotic(m), 32_000) for m in drawn]))
    assert (made > real).all()


def test_one_seed_gives_one_fate_and_level_and_silence_do_not_pass() -> None:
    calm = msgspec.structs.replace(TINY, codec=0, band=0, noise=0)
    media = example_sounds(2.5, 1)[0].media
    first = training_window(media, TINY, np.random.default_rng(3))
    assert (first == training_window(media, TINY, np.random.default_rng(3))).all()
    assert first.shape == (32_000,)
    silent = np.zeros(4000, np.int16)
    padded = np.concatenate([silent, media // 2 * 2, silent])
    assert len(trimmed(padded)) <= len(media)
    loud, quiet = (
        training_window(m, calm, np.random.default_rng(1)) for m in (padded, padded // 2)
    )
    np.testing.assert_allclose(loud, quiet, atol=2)
