"""A trained model on a corpus: the figures of its card, and the way to recompute them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from verascope.detect.model_folder import ModelFolder
from verascope.train import corpora, nulls, report
from verascope.train.evaluate import Floats
from verascope.train.pixels import PixelStore
from verascope.train.protocols import Judge, logits
from verascope.train.report import Scored

Metrics: TypeAlias = dict[str, Any]


def on_split(model: ModelFolder, judge: Judge, folders: Sequence[Path], split: str) -> Metrics:
    """The figures of a model on one split of corpora, under the protocols that its card names.

    The null is fitted on the corpora's train split.

    Raises:
        UsageError: no corpus has that split.
    """
    store = PixelStore(corpora.items_of(corpora.read_corpora(folders, split)))
    described = model.description
    scored = score_all(judge, store, described.training["protocols"])
    null = null_of(scored, store, folders)
    return report.figures(scored, described.calibration, described.operating_points, null)


def null_of(
    scored: dict[str, Scored], store: PixelStore, folders: Sequence[Path]
) -> dict[str, Metrics]:
    """What a null that is fitted on the corpora's train split reaches on the same items."""
    fitted_on = PixelStore(
        corpora.headline(corpora.items_of(corpora.read_corpora(folders, "train")))
    )
    return {
        name: report.null(
            each, nulls.table(store, indices(store, each), name), _null_training(fitted_on, name)
        )
        for name, each in scored.items()
    }


def score_all(judge: Judge, store: PixelStore, protocols: Iterable[str]) -> dict[str, Scored]:
    """All items of a store under each protocol, the headline first."""
    every = range(len(store.items))
    return {name: Scored(store.items, logits(judge, store, every, name)) for name in protocols}


def indices(store: PixelStore, scored: Scored) -> list[int]:
    """Where in the store the scored items are."""
    place = {item.place: index for index, item in enumerate(store.items)}
    return [place[item.place] for item in scored.items]


def _null_training(store: PixelStore, protocol: str) -> tuple[Floats, Any]:
    """Features and classes that a null is fitted on."""
    made = np.array([item.row.label == "synthetic" for item in store.items])
    return nulls.table(store, range(len(store.items)), protocol), made
