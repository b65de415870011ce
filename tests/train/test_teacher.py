"""What a teacher says of pictures: probabilities, from heads that never saw their sources."""

from pathlib import Path

import numpy as np
import pytest

from tests.encoders.tiny import PLAN, tiny
from verascope.detect.encoder import Encoder
from verascope.encoders.own import install_own
from verascope.train.corpora import headline, items_of, read_corpora
from verascope.train.fit import Batches
from verascope.train.head_recipe import HeadRecipe
from verascope.train.pixels import PixelStore
from verascope.train.recipe import RECIPES
from verascope.train.teacher import Teacher


@pytest.fixture(scope="module")
def taught(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list, np.ndarray]:
    home = tmp_path_factory.mktemp("home")
    folder = install_own(tiny(), PLAN, home)
    items = headline(items_of(read_corpora([toy], "train")))
    taps = ("block_0 deviation", "block_1 deviation")
    recipe = HeadRecipe(taps=taps, views=("equal-crops",), components=6, landmarks=12)
    encoder = Encoder(folder if isinstance(folder, Path) else home / "mine-own")
    return items, Teacher(encoder, home / "features", recipe).targets(items)


def test_targets_are_probabilities(taught: tuple[list, np.ndarray]) -> None:
    items, targets = taught
    assert targets.shape == (len(items),)
    assert targets.dtype == np.float32
    assert ((targets > 0) & (targets < 1)).all()


def test_batches_learn_both_label_and_teacher(taught: tuple[list, np.ndarray]) -> None:
    items, targets = taught
    store, chosen = PixelStore(items), list(range(len(items)))
    batches = Batches(RECIPES["tiny"], store, chosen, 1, targets)
    labels = np.array([item.row.label == "synthetic" for item in items])
    share = RECIPES["tiny"].taught
    np.testing.assert_allclose(
        batches.labels, labels * (1 - share) + targets * share, rtol=0, atol=1e-6
    )
