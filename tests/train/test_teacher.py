"""What a teacher says of pictures: probabilities, from heads that never saw their sources."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from tests.encoders.tiny import PLAN, tiny
from verascope.cli.train import train
from verascope.detect.encoder import Encoder, open_installed
from verascope.encoders.own import install_own
from verascope.errors import UsageError
from verascope.train import kernel
from verascope.train.corpora import Item, headline, items_of, read_corpora
from verascope.train.features import FeatureStore
from verascope.train.fit import Batches
from verascope.train.head_recipe import HeadRecipe
from verascope.train.pixels import PixelStore
from verascope.train.recipe import RECIPES, Recipe
from verascope.train.teacher import Teacher

VIEW = "equal-crops"
TAPS = ("block_0 deviation", "block_1 deviation")
HEADS = HeadRecipe(taps=TAPS, views=(VIEW,), components=6, landmarks=12)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    home = tmp_path_factory.mktemp("home")
    install_own(tiny(), PLAN, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VERASCOPE_MODELS", str(home))
        return open_installed("mine", "own")


@pytest.fixture(scope="module")
def items(toy: Path) -> list[Item]:
    return headline(items_of(read_corpora([toy], "train")))


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


def test_it_tells_apart_what_the_toy_shows(
    encoder: Encoder, items: list[Item], features: Path
) -> None:
    targets = Teacher(encoder, features, HEADS).targets(items)
    made = np.array([item.row.label == "synthetic" for item in items])
    assert targets.dtype == np.float32
    assert 0 < targets.min() < targets.max() < 1
    assert targets[made].min() > targets[~made].max()


def test_no_head_judges_a_source_that_it_was_fitted_on(
    encoder: Encoder, items: list[Item], features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FeatureStore(encoder, features) as store:
        rows = [encoder.description.taps.index(tap) for tap in TAPS]
        vectors = store.taps(items, VIEW, rows).reshape(len(items), -1)
    source = {v.tobytes(): item.row.source for v, item in zip(vectors, items, strict=True)}
    assert len(source) == len(items)
    judged: list[str] = []
    real_fit = kernel.fit

    def spied(views: list[NDArray[np.float32]], *rest: Any) -> Callable[..., NDArray[np.float32]]:
        seen = {source[row.tobytes()] for row in views[0]}
        head = real_fit(views, *rest)

        def judge(rows: NDArray[np.float32]) -> NDArray[np.float32]:
            asked = [source[row.tobytes()] for row in rows]
            assert not seen & set(asked)
            judged.extend(asked)
            return head(rows)

        return judge

    monkeypatch.setattr(kernel, "fit", spied)
    Teacher(encoder, features, HEADS).targets(items)
    assert sorted(judged) == sorted(item.row.source for item in items)


def test_too_few_sources_to_leave_some_out(
    encoder: Encoder, items: list[Item], features: Path
) -> None:
    few = [item for item in items if item.row.source in {"real-0", "real-1", "synthetic-0"}]
    with pytest.raises(UsageError, match="no synthetic picture is left"):
        Teacher(encoder, features, HEADS).targets(few)


def test_batches_learn_both_label_and_teacher(items: list[Item]) -> None:
    targets = np.linspace(0.1, 0.9, len(items), dtype=np.float32)
    recipe = Recipe(batch=RECIPES["tiny"].batch, taught=0.25)
    batches = Batches(recipe, PixelStore(items), list(range(len(items))), 1, targets)
    made = np.array([item.row.label == "synthetic" for item in items])
    np.testing.assert_allclose(batches.labels, 0.75 * made + 0.25 * targets, rtol=0, atol=1e-6)


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_teacher_that_is_not_installed(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.setenv("VERASCOPE_MODELS", str(tmp_path / "none"))
    given = ["image", "--corpus", str(toy), "--out", str(tmp_path / "run"), "--teacher", "mine"]
    done = CliRunner().invoke(train, [*given, *more])
    assert isinstance(done.exception, UsageError)
    assert "verascope models install" in str(done.exception)
    assert not (tmp_path / "run").exists()


def test_the_command_trains_a_taught_network(
    encoder: Encoder, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERASCOPE_MODELS", str(encoder.folder.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("verascope.train.image.TEACHER_BUILD", "own")
    monkeypatch.setattr("verascope.train.image.Teacher", partial(Teacher, recipe=HEADS))
    logs = {}
    for name, more in (("alone", []), ("taught", ["--teacher", "mine"])):
        out = tmp_path / name
        given = ["image", "--corpus", str(toy), "--out", str(out), "--recipe", "tiny"]
        given += ["--folds", "3", *more]
        done = CliRunner().invoke(train, given, catch_exceptions=False)
        assert done.exit_code == 0
        logs[name] = (out / "final" / "log.csv").read_text().splitlines()[1].split(",")[2]
    assert logs["alone"] != logs["taught"]
