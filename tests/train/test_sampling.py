from pathlib import Path

import numpy as np

from verascope.generate.manifest import Row
from verascope.train.corpora import Item
from verascope.train.folds import assign
from verascope.train.sampling import Sampler, weights


def item(label: str, source: str, kind: str = "photo", pair: str = "", origin: str = "") -> Item:
    row = Row(path="x", label=label, source=source, kind=kind, pair=pair, origin=origin)
    return Item(Path("x"), row, True)


ITEMS = [
    *(item("real", "large") for _ in range(90)),
    *(item("real", "small") for _ in range(10)),
    *(item("real", "paintings", "art") for _ in range(10)),
    *(item("synthetic", "photos") for _ in range(20)),
    *(item("synthetic", "drawings", "art") for _ in range(80)),
]


def test_classes_show_the_same_styles_and_sources_count_by_their_root() -> None:
    weight = weights(ITEMS)
    share = {
        (label, style): sum(
            w
            for w, i in zip(weight, ITEMS, strict=True)
            if (i.row.label, i.style) == (label, style)
        )
        for label in ("real", "synthetic")
        for style in ("photograph", "other")
    }
    assert np.isclose(share["real", "photograph"], share["synthetic", "photograph"])
    assert np.isclose(sum(share.values()), 2)
    assert np.isclose(weight[:90].sum() / weight[90:100].sum(), 3)  # √90 / √10


def test_a_batch_is_half_real_and_depends_on_seed_and_step_alone() -> None:
    sampler = Sampler(ITEMS, 16, seed=5)
    first = sampler.draw(3)
    assert first == Sampler(ITEMS, 16, seed=5).draw(3)
    assert first != sampler.draw(4)
    assert first != Sampler(ITEMS, 16, seed=6).draw(3)
    assert sum(ITEMS[index].row.label == "real" for index, _ in first) == 8


def test_twins_come_together_and_share_their_fate() -> None:
    twins = [item("real", "a", pair="p"), item("synthetic", "b", pair="p")]
    drawn = Sampler(twins, 4, seed=0).draw(0)
    assert [index for index, _ in drawn] == [0, 1, 0, 1]
    assert drawn[0][1] == drawn[1][1]


def test_folds_balance_the_classes_and_keep_relatives_together() -> None:
    items = [item(label, f"{label}-{n}") for label in ("real", "synthetic") for n in range(12)]
    items += [
        item("real", "originals", origin="owner/repo@1:a"),
        item("synthetic", "results", origin="owner/repo@1:b"),
        item("real", "photo", pair="p"),
        item("synthetic", "twin", pair="p"),
    ]
    folds = assign(items, 4)
    of = {i.row.source: int(fold) for i, fold in zip(items, folds, strict=True)}
    assert of["originals"] == of["results"]
    assert of["photo"] == of["twin"]
    for label in ("real", "synthetic"):
        counts = np.bincount(folds[[i.row.label == label for i in items]], minlength=4)
        assert counts.min() >= 3


def test_folds_do_not_depend_on_the_order_of_items() -> None:
    items = [item(label, f"{n}") for label in ("real", "synthetic") for n in range(9)]
    assert (assign(items, 3) == assign(items[::-1], 3)[::-1]).all()
