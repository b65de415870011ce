"""The whole path on toy pictures: command line → run → model folder → detector."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from tests.train.conftest import toy_pixels
from verascope.cli.train import train
from verascope.detect import registry
from verascope.detect.image_residual import ImageResidual
from verascope.errors import UsageError
from verascope.train.folder import Facts, crops_model, write
from verascope.train.network import Discriminator
from verascope.train.recipe import RECIPES
from verascope.train.recipe_file import recipe_of


def run(*arguments: object) -> Result:
    return CliRunner().invoke(train, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    done = run("image", "--corpus", toy, "--out", out, "--recipe", "tiny")
    assert done.exit_code == 0, done.output
    return out


def test_the_model_folder_is_a_detector(trained: Path) -> None:
    detector = registry.create(str(trained / "model"))
    assert isinstance(detector, ImageResidual)
    logit = {
        label: detector.pool(detector.score(detector.windows(toy_pixels(label, 77)).values))
        for label in ("real", "synthetic")
    }
    assert logit["synthetic"] > logit["real"]
    estimate = detector.calibrate(logit["synthetic"])
    assert 0 <= estimate.interval[0] <= estimate.score <= estimate.interval[1] <= 1
    assert [point.name for point in detector.operating_points] == ["high_precision", "high_recall"]


def test_the_description_says_where_the_model_comes_from(trained: Path) -> None:
    description = ImageResidual(trained / "model").folder.description
    (corpus,) = description.training["corpora"]
    assert corpus["generators"] == {"noise": 12}
    assert set(corpus["real"]) == {"real-0", "real-1", "real-2"}
    assert len(corpus["manifest_sha256"]) == len(description.training["code_sha256"]) == 64
    assert set(description.metrics) == {"leave_sources_out", "dev"}
    for metrics in description.metrics.values():
        headline = metrics["discrimination"]["equal-crops"]
        assert headline["auroc"]["interval"][0] <= headline["auroc"]["value"] <= 1
        assert headline["null"]["interval"]


def test_the_card_shows_the_measured_figures(trained: Path) -> None:
    card = (trained / "model" / "CARD.md").read_text()
    description = ImageResidual(trained / "model").folder.description
    auroc = description.metrics["dev"]["discrimination"]["equal-crops"]["auroc"]["value"]
    assert f"| equal-crops | {auroc:.3f} [" in card
    for word in ("real-0", "noise (12)", "not measured", description.sha256, "null"):
        assert word.lower() in card.lower()


def test_evaluate_recomputes_the_cards_figures(trained: Path, toy: Path) -> None:
    done = run("evaluate", trained / "model", "--corpus", toy, "--split", "dev")
    stored = ImageResidual(trained / "model").folder.description.metrics["dev"]
    assert json.loads(done.stdout) == json.loads(json.dumps(stored))


def test_the_card_is_generated_again_alike(trained: Path) -> None:
    before = (trained / "model" / "CARD.md").read_bytes()
    assert run("card", trained / "model").exit_code == 0
    assert (trained / "model" / "CARD.md").read_bytes() == before


def test_a_run_is_not_overwritten_and_resumes_to_the_same_model(trained: Path, toy: Path) -> None:
    before = (trained / "model" / "model.onnx").read_bytes()
    again = ("image", "--corpus", toy, "--out", trained, "--recipe", "tiny")
    assert "--resume" in str(run(*again).exception)
    assert "another recipe" in str(run(*again, "--resume", "--steps", 3).exception)
    assert run(*again, "--resume").exit_code == 0
    assert (trained / "model" / "model.onnx").read_bytes() == before


def test_a_dry_run_prints_the_plan_and_writes_nothing(toy: Path, tmp_path: Path) -> None:
    done = run("image", "--corpus", toy, "--out", tmp_path / "none", "--folds", 3, "--dry-run")
    plan = json.loads(done.stdout)
    assert plan["trained_on"] == {"real": 12, "synthetic": 12}
    assert plan["scored_apart"] == 1
    assert len(plan["folds"]) == 3
    assert not (tmp_path / "none").exists()


def test_the_same_seed_gives_the_same_model(trained: Path, toy: Path, tmp_path: Path) -> None:
    assert run("image", "--corpus", toy, "--out", tmp_path, "--recipe", "tiny").exit_code == 0
    first, second = (
        np.load(folder / "model" / "reference.npz")["logits"] for folder in (trained, tmp_path)
    )
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_help_teaches_the_way(toy: Path) -> None:
    text = run("image", "--help").output
    for word in ("--corpus", "--resume", "--dry-run", "manifest.csv", "leave-sources-out"):
        assert word in text


def test_a_run_does_not_go_on_with_other_files(toy: Path, tmp_path: Path) -> None:
    """Checkpoints of other folds would be scored on sources that they were trained on."""
    corpus = shutil.copytree(toy, tmp_path / "corpus")
    again = ("image", "--corpus", corpus, "--out", tmp_path / "run", "--recipe", "tiny")
    assert run(*again, "--steps", 1).exit_code == 0
    manifest = corpus / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("real-0,", "real-9,"))
    assert "other files" in str(run(*again, "--steps", 1, "--resume").exception)


@pytest.mark.parametrize("step", ["write_bytes", "rename"])
def test_a_model_folder_is_written_wholly_or_not_at_all(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder = shutil.copytree(trained / "model", tmp_path / "model")
    described = ImageResidual(folder).folder.description
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    real = getattr(Path, step)

    def full(path: Path, *given: object) -> object:
        if path.name in ("model.json", "new"):
            raise OSError("no space left")
        return real(path, *given)

    recipe = recipe_of("tiny", RECIPES)
    facts = Facts(
        name="new",
        version="2",
        commands=described.training["commands"],
        code_sha256="",
        recipe=recipe,
        corpora=[],
        model=crops_model(Discriminator(recipe.architecture), before["model.onnx"]),
    )
    calibrated = (described.calibration, described.operating_points, described.metrics)
    with monkeypatch.context() as patched:
        patched.setattr(Path, step, full)
        with pytest.raises(OSError, match="no space"):
            write(folder, facts, *calibrated)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    write(folder, facts, *calibrated)
    assert ImageResidual(folder).version == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_run_that_goes_on_keeps_the_hash_of_the_code_that_began_it(
    trained: Path, toy: Path
) -> None:
    (trained / "code.sha256").write_text("f" * 64)
    again = ("image", "--corpus", toy, "--out", trained, "--recipe", "tiny", "--resume")
    assert run(*again).exit_code == 0
    assert ImageResidual(trained / "model").folder.description.training["code_sha256"] == "f" * 64


def test_every_protocol_has_its_null_and_dev_its_reliability(trained: Path) -> None:
    for metrics in ImageResidual(trained / "model").folder.description.metrics.values():
        for figures in metrics["discrimination"].values():
            assert figures["null"]["interval"]
            assert figures["above_null"]["interval"]
        for name in ("brier", "calibration_error"):
            low, high = metrics["calibration"][name]["interval"]
            assert 0 <= low <= high <= 1


def test_an_unknown_device_is_refused_before_anything_is_written(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run("image", "--corpus", toy, "--out", out, "--recipe", "tiny", "--device", "warp")
    assert "no device is called 'warp'" in str(done.exception)
    assert not out.exists()


def test_threads_bound_what_torch_computes_with(toy: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        run("image", "--corpus", toy, "--out", tmp_path / "run", "--threads", 2, "--device", "warp")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_one_source_alone_cannot_be_left_out(
    folders: Callable[[int], Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="from two sources at least"):
        given = ["image", "--corpus", folders(1), "--out", tmp_path / "run", "--recipe", "tiny"]
        CliRunner().invoke(train, [str(each) for each in given], catch_exceptions=False)
