"""The hint at a family: right on what can be told apart, honest about what it is worth."""

from pathlib import Path

import numpy as np
import pytest

from verascope.detect.image_clip import nearest
from verascope.detect.model_folder import Families, HintBand
from verascope.generate.manifest import Row
from verascope.train import families, kernel
from verascope.train.corpora import Item
from verascope.train.head_recipe import RECIPES

RECIPE = RECIPES["tiny"]
NAMES = ("diffusion", "gan")


def item(label: str, family: str, source: str) -> Item:
    row = Row(path="x", label=label, source=source, family=family, sha256="0" * 64)
    return Item(Path("x"), row, headline=True)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    made = [item("synthetic", name, f"{name}-{k % 3}") for name in NAMES for k in range(30)]
    return [*made, *(item("real", "", f"camera-{k % 3}") for k in range(40))]


def vectors(items: list[Item], seed: int = 1) -> np.ndarray:
    """Families lie apart in one number, synthesis in another."""
    drawn = np.random.default_rng(seed).normal(size=(len(items), 12)).astype(np.float32)
    for place, each in enumerate(items):
        drawn[place, 0] += 6 * (each.row.label == "synthetic")
        drawn[place, 1] += {"gan": 6, "diffusion": -6}.get(each.row.family, 0)
    return drawn


def test_families_that_lie_apart_are_told_apart(items: list[Item]) -> None:
    given, weights = vectors(items), np.ones(len(items))
    synthetic = np.array([each.row.label == "synthetic" for each in items])
    head = kernel.fit([given], kernel.classes(synthetic), weights, RECIPE)
    found = families.fit(head, [given], items, NAMES, weights, RECIPE)
    unseen = vectors(items, seed=2)[:60]
    said = (head.kernel(head.project(unseen)) @ found).argmax(1)
    assert (said == np.repeat([0, 1], 30)).mean() > 0.9


def test_a_family_of_one_source_is_not_named(items: list[Item]) -> None:
    alone = [*items, *(item("synthetic", "vq", "one") for _ in range(9))]
    assert families.names_of(alone) == NAMES


def test_the_worth_of_a_hint_grows_with_its_lead_and_has_its_null(items: list[Item]) -> None:
    truth = np.repeat([0, 1], 30)
    lead = np.tile(np.linspace(0.01, 1, 30), 2)
    wrong = lead < 0.3
    scores = np.zeros((len(items), 2))
    scores[np.arange(60), np.where(wrong, 1 - truth, truth)] = lead
    found = families.worth(NAMES, items, scores)
    assert found is not None
    rights = [band.right for band in found.bands]
    assert rights == sorted(rights) and rights[0] < 0.5 < rights[-1] == 1.0
    assert found.commonest == 0.5
    assert found.right == pytest.approx(1 - wrong.mean()) == pytest.approx(found.balanced)
    assert sum(band.pictures for band in found.bands) == 60
    assert families.worth(("gan",), items, scores[:, :1]) is None


def test_a_hint_has_the_confidence_of_its_band() -> None:
    bands = tuple(
        HintBand(least_lead=low, right=right, interval=(0.0, 1.0), pictures=9)
        for low, right in ((0.0, 0.5), (0.4, 0.7), (0.9, 0.9))
    )
    known = Families(names=("a", "b", "c"), bands=bands, right=0.7, commonest=0.5, balanced=0.6)
    found = nearest(known, np.array([0.1, 0.6, -1.0], np.float32))
    assert (found.family, found.confidence) == ("b", 0.7)
    assert nearest(known, np.array([2.0, 0.6, -1.0], np.float32)).confidence == 0.9
    assert nearest(known, np.array([0.0, 0.0, 0.0], np.float32)).confidence == 0.5
