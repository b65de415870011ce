"""A head on an encoder, from a toy corpus to verdicts and heat maps, on a tiny random encoder."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.encoders.tiny import PLAN, tiny
from tests.train.conftest import toy_pixels
from verascope.cli.train import train
from verascope.detect import registry
from verascope.detect.contract import Detector, Locates
from verascope.detect.encoder import Encoder
from verascope.detect.image_clip import ImageClip
from verascope.detect.model_folder import ModelFolder
from verascope.encoders.own import install_own
from verascope.errors import ModelError, UsageError
from verascope.scanner import Scanner
from verascope.settings import Quality, Settings
from verascope.train import kernel
from verascope.train.head_recipe import HeadRecipe

RECIPE = """
taps = ["block_0 deviation", "block_1 deviation"]
patches = "block_1 mean"
views = ["equal-crops", "shared-0"]
components = 6
landmarks = 12
folds = 3
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    install_own(tiny(), PLAN, home)
    return home


@pytest.fixture(autouse=True)
def installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERASCOPE_MODELS", str(home))


def fit(toy: Path, out: Path, *more: str) -> Path:
    out.mkdir(exist_ok=True)
    (out / "head.toml").write_text(RECIPE)
    given = ["head", "--corpus", toy, "--out", out, "--encoder", "mine", "--build", "own"]
    given += ["--recipe", out / "head.toml", "--features", out / "features", *more]
    done = CliRunner().invoke(train, [str(each) for each in given], catch_exceptions=False)
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def trained(toy: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERASCOPE_MODELS", str(home))
        return fit(toy, tmp_path_factory.mktemp("run"))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "noise.png"
    Image.fromarray(toy_pixels("synthetic", 77)).save(file)
    return file


def test_it_tells_apart_what_the_toy_shows(trained: Path) -> None:
    detector = registry.create(str(trained))
    assert isinstance(detector, ImageClip)
    assert isinstance(detector, Detector)
    assert isinstance(detector, Locates)
    logits = {
        label: [
            detector.pool(detector.score(detector.windows(toy_pixels(label, n)).values))
            for n in range(30, 34)
        ]
        for label in ("real", "synthetic")
    }
    assert max(logits["real"]) < min(logits["synthetic"])
    metrics = ModelFolder(trained).description.metrics
    for split in ("leave_sources_out", "dev"):
        for figures in metrics[split]["discrimination"].values():
            assert figures["auroc"]["value"] > 0.9
            assert figures["null"]["interval"]
    assert "kernel ridge regression" in (trained / "CARD.md").read_text()


def test_every_file_has_its_scores_and_who_gave_them(trained: Path, toy: Path) -> None:
    with (trained.parent / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["path"] for row in rows}) == 32
    folds = {row["source"]: row["fold"] for row in rows if row["split"] == "train"}
    assert set(folds.values()) == {"0", "1", "2"}
    assert all(float(row["equal-crops"]) for row in rows)


def test_what_an_encoder_said_is_kept(
    trained: Path, toy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(trained.parent / "features", tmp_path / "features")
    asked = []
    ask = Encoder.taps

    def counted(encoder: Encoder, pixels: np.ndarray) -> np.ndarray:
        asked.append(len(pixels))
        return ask(encoder, pixels)

    monkeypatch.setattr(Encoder, "taps", counted)
    again = fit(toy, tmp_path)
    assert asked == [6]  # the windows of the stored reference alone
    assert (again / "model.onnx").read_bytes() == (trained / "model.onnx").read_bytes()


def test_a_head_refuses_another_build(trained: Path, home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "mine-own", tmp_path / "mine-own")
    changed = (tmp_path / "mine-own" / "encoder.json").read_text()
    sha256 = Encoder(home / "mine-own").description.sha256
    changed = changed.replace(sha256, "0" * 64)
    (tmp_path / "mine-own" / "encoder.json").write_text(changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERASCOPE_MODELS", str(tmp_path))
        with pytest.raises(ModelError, match=r"not the build of mine .* models install mine"):
            ImageClip(trained).load()
        shutil.rmtree(tmp_path / "mine-own")
        with pytest.raises(UsageError, match="needs the encoder mine; install it with"):
            ImageClip(trained).load()


def test_a_scan_draws_where_the_score_comes_from(
    trained: Path, picture: Path, tmp_path: Path
) -> None:
    maps = tmp_path / "maps"
    settings = Settings(detectors=(str(trained),), heatmaps=str(maps))
    with Scanner(settings) as scanner:
        result = scanner.scan(picture)
    [score] = result.detectors
    whole, *regions = score.segments
    assert whole.box == (0, 0, 216, 216)
    assert whole.logit == pytest.approx(score.logit, abs=1e-4)
    for region in regions:
        assert region.box is not None
        x, y, width, height = region.box
        assert 0 <= x < x + width <= 216
        assert 0 <= y < y + height <= 216
    [file] = maps.iterdir()
    assert file.name.startswith("noise.png-")
    with Image.open(file) as drawn:
        assert drawn.size == (448, 448)


def test_the_quality_that_is_asked_for_decides_which_runs(
    trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("verascope.detect.image_clip.ImageClip.shipped", trained)
    assert "image-clip" in registry.wanted(Quality.AUTO)
    assert "image-residual" not in registry.wanted(Quality.ACCURATE)
    assert "image-clip" not in registry.wanted(Quality.FAST)
    monkeypatch.setenv("VERASCOPE_MODELS", str(tmp_path))
    assert "image-residual" in registry.wanted(Quality.AUTO)
    with pytest.raises(UsageError, match="models install mine"):
        registry.wanted(Quality.ACCURATE)


def test_a_refit_is_measured_before_it_and_not_on_what_it_saw(toy: Path, tmp_path: Path) -> None:
    folder = fit(toy, tmp_path, "--refit")
    described = ModelFolder(folder).description
    assert list(described.metrics) == ["leave_sources_out", "dev", "refit"]
    whole = described.metrics["refit"]["discrimination"]["whole"]["auroc"]
    assert (whole["synthetic"], whole["real"]) == (16, 16)
    with pytest.raises(UsageError, match="fitted on dev too"):
        CliRunner().invoke(
            train, ["evaluate", str(folder), "--corpus", str(toy)], catch_exceptions=False
        )


def test_a_tap_that_is_none_is_told(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('taps = ["block_9 class"]')
    given = ["head", "--corpus", toy, "--out", tmp_path, "--encoder", "mine", "--build", "own"]
    given += ["--recipe", tmp_path / "bad.toml", "--features", tmp_path / "features"]
    with pytest.raises(UsageError, match="no tap 'block_9 class'"):
        CliRunner().invoke(train, [str(each) for each in given], catch_exceptions=False)


def test_consistency_brings_the_views_of_a_picture_together() -> None:
    rng = np.random.default_rng(0)
    made = np.arange(60) % 2 == 0
    clean = rng.normal(size=(60, 8)).astype(np.float32) + 2 * made[:, None]
    views = [clean, clean + rng.normal(size=clean.shape).astype(np.float32)]
    apart = []
    for weight in (0.0, 100.0):
        recipe = HeadRecipe(components=6, landmarks=40, consistency=weight)
        head = kernel.fit(
            [view.copy() for view in views], kernel.classes(made), np.ones(60), recipe
        )
        logits = np.stack([head(view) for view in views])
        assert logits[:, made].mean() > logits[:, ~made].mean() + 0.2
        apart.append(float(np.ptp(logits, axis=0).mean() / logits.std()))
    assert apart[1] < 0.8 * apart[0]
