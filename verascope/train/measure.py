"""A trained model on a corpus: the figures of its card, and the way to recompute them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verascope.detect.image_residual import ImageResidual
from verascope.train import corpora, nulls, report
from verascope.train.evaluate import Floats
from verascope.train.pixels import PixelStore
from verascope.train.protocols import PROTOCOLS, Score, logits
from verascope.train.report import Scored


def on_split(detector: ImageResidual, folders: Sequence[Path], split: str) -> dict[str, Any]:
    """The figures of a model on one split of corpora; the null is fitted on their train split.

    Raises:
        UsageError: no corpus has that split.
    """
    items = corpora.items_of(corpora.read_corpora(folders, split))
    fitted_on = PixelStore(
        corpora.headline(corpora.items_of(corpora.read_corpora(folders, "train")))
    )
    store = PixelStore(items)
    scored = score_all(detector.score, store)
    found = {
        name: report.null(
            each, nulls.table(store, indices(store, each), name), _null_training(fitted_on, name)
        )
        for name, each in scored.items()
    }
    description = detector.folder.description
    return report.figures(scored, description.calibration, description.operating_points, found)


def score_all(score: Score, store: PixelStore) -> dict[str, Scored]:
    """All items of a store under every protocol, the headline first."""
    every = range(len(store.items))
    return {name: Scored(store.items, logits(score, store, every, name)) for name in PROTOCOLS}


def indices(store: PixelStore, scored: Scored) -> list[int]:
    """Where in the store the scored items are."""
    place = {item.place: index for index, item in enumerate(store.items)}
    return [place[item.place] for item in scored.items]


def _null_training(store: PixelStore, protocol: str) -> tuple[Floats, Any]:
    """Features and classes that a null is fitted on."""
    made = np.array([item.row.label == "synthetic" for item in store.items])
    return nulls.table(store, range(len(store.items)), protocol), made
