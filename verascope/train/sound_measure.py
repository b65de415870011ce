"""Figures of a detector of sound, however it was trained, with both nulls beside each view."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.calibration import Calibration
from verascope.detect.contract import Array, Detector
from verascope.detect.model_folder import ModelFolder
from verascope.result import OperatingPoint
from verascope.train import calibrate, corpora, report, sound_nulls, sound_views
from verascope.train.corpora import Item
from verascope.train.evaluate import Floats
from verascope.train.report import Scored
from verascope.train.scores import SCORES, write_scores
from verascope.train.sound_features import load
from verascope.train.sound_heads import is_built_in

LEFT_OUT, DEV = "leave_sources_out", "dev"
ByView = dict[str, Scored]  # the same recordings under each view, the headline first


class Measured(NamedTuple):
    """What a training comes to, in figures."""

    calibration: Calibration
    points: tuple[OperatingPoint, ...]
    metrics: dict[str, Any]


def measure(held_out: ByView, dev: ByView | None, out: Path, seed: int) -> Measured:
    """Calibrate on what was held out, take the figures, and write every score to `out`.

    Args:
        held_out: training recordings, each scored without its source.
        dev: other recordings, scored by what was trained on all; they choose nothing.
        out: folder of the run, which is there.
        seed: of the calibration's bootstrap.
    """
    headline = held_out[sound_views.HEADLINE]
    main = headline.only(lambda item: item.headline)
    fitted = calibrate.calibration(main.synthetic, main.logits, main.sources, seed=seed)
    points = calibrate.operating_points(fitted, main.synthetic, main.logits, main.sources)
    seen = sound_nulls.table(headline.items)
    blind = nulls_beside(held_out, seen)
    metrics = {LEFT_OUT: report.figures(held_out, fitted, points, blind)}
    splits = [("train", held_out)]
    if dev is not None:
        unseen = sound_nulls.table(dev[sound_views.HEADLINE].items)
        blind = nulls_beside(dev, unseen, (seen, headline))
        metrics[DEV] = report.figures(dev, fitted, points, blind)
        splits.append((DEV, dev))
    write_scores(out / SCORES, splits)
    return Measured(fitted, points, metrics)


def on_split(
    model: ModelFolder, detector: Detector, folders: Sequence[Path], split: str
) -> dict[str, Any]:
    """The figures of a detector on one split of corpora, as a scan judges: see `scanned`.

    The nulls are fitted on the corpora's train split.

    Raises:
        UsageError: no corpus has that split.
    """
    items = corpora.items_of(corpora.read_corpora(folders, split))
    known = corpora.headline(corpora.items_of(corpora.read_corpora(folders, "train")))
    described = model.description
    scored = {view: scanned(detector, items, view) for view in described.training["protocols"]}
    train = sound_nulls.table(known), Scored(known, np.zeros(len(known)))
    blind = {
        view: nulls_beside({view: part}, sound_nulls.table(part.items), train)[view]
        for view, part in scored.items()
    }
    return report.figures(scored, described.calibration, described.operating_points, blind)


def scanned(detector: Detector, items: Sequence[Item], view: str) -> Scored:
    """Recordings under a view as a scan scores them; those in which it hears no speech left out."""

    def logit(samples: Array) -> float:
        windows = detector.windows(samples).values
        return detector.pool(detector.score(windows)) if len(windows) else np.nan

    return Scored(items, np.array([logit(sound_views.show(load(item), view)) for item in items]))


def foreign(items: Sequence[Item]) -> NDArray[np.bool_]:
    """Which recordings figures are taken of: none of our own generators', where others are made."""
    found = np.array([not is_built_in(item) for item in items])
    made = np.array([item.row.label == "synthetic" for item in items])
    return found if found[made].any() else np.ones(len(items), bool)


def nulls_beside(
    scored: ByView, values: Floats, train: tuple[Floats, Scored] | None = None
) -> dict[str, dict[str, Any]]:
    """Both nulls beside the scores of each view: of header and level, and of the header alone.

    Args:
        scored: the recordings, the same under each view.
        values: their table, see sound_nulls.
        train: the training recordings' and what they are; None: the other folds of `scored`.
    """
    header = len(sound_nulls.HEADER)
    full = alone = None
    if train is not None:
        chosen = np.array([item.headline for item in train[1].items])
        full = train[0][chosen], train[1].synthetic[chosen]
        alone = full[0][:, :header], full[1]
    first = next(iter(scored.values()))
    blind = report.blind(first, values, full)
    header_null = report.null(first, values[:, :header], alone)["null"]
    return {
        view: report.beside(part, blind) | {"header_null": header_null}
        for view, part in scored.items()
    }
