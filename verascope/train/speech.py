"""`verascope train speech-gate`: the gate that keeps music and noise from detectors of speech.

Logistic regression on numbers of the spectrum, taught what is speech by the kinds that a corpus
names; both labels alike, each under the same codecs. The threshold is set on windows of sources
that the gate never saw, so that few with speech are lost.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from verascope.detect import sound_windows
from verascope.detect.speech_gate import Gate, features
from verascope.errors import UsageError
from verascope.train import corpora, evaluate, folds, report, sound_views
from verascope.train.corpora import SPEECH, Item
from verascope.train.evaluate import Figure
from verascope.train.sound_features import load

VIEWS = ("raw", "opus", "telephone")
STYLES = ("speech", "music", "sound")
LOST = 0.03  # of recordings with speech, at most
PENALTY = 0.03  # inverse of the penalty on the weights
FOLDS = 7


class GateFigures(Struct, frozen=True, kw_only=True):
    """Leave-sources-out figures of a gate, on recordings as they are.

    Attributes:
        auroc: of speech against music and sound.
        speech_lost: share of recordings with speech that the threshold loses.
        passed: share of music and of sound that it lets pass, by style.
    """

    auroc: Figure
    speech_lost: Figure
    passed: dict[str, Figure]


def train_gate(folders: Sequence[Path], out: Path) -> GateFigures:
    """Train, set the threshold, store the gate and, beside it as JSON, its figures.

    Raises:
        UsageError: the corpora do not name recordings with and without speech.
    """
    read = corpora.items_of(corpora.read_corpora(folders, "train"))
    items = [item for item in read if item.style in STYLES]
    speech = np.array([item.row.kind in SPEECH for item in items])
    if not speech.any() or speech.all():
        raise UsageError("a speech gate needs recordings of kind music or sound, and of speech")
    seen = {view: np.stack([_shown(item, view) for item in items]) for view in VIEWS}
    parts = folds.assign(items, FOLDS)
    logits = np.empty(len(items))
    for fold in np.unique(parts):
        kept = parts != fold
        fitted = _fit([values[kept] for values in seen.values()], speech[kept])
        logits[~kept] = fitted.logits(seen[VIEWS[0]][~kept])
    threshold = float(np.quantile(logits[speech], LOST))
    gate = _fit(list(seen.values()), speech)._replace(threshold=threshold)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, **gate._asdict())
    figures = _figures(items, speech, logits, threshold)
    told = msgspec.json.format(msgspec.json.encode(report.plain(figures)))
    out.with_suffix(".json").write_bytes(told + b"\n")
    return figures


def _shown(item: Item, view: str) -> NDArray[np.float32]:
    """The features of a recording's first window under a view."""
    shown = sound_windows.windows(sound_views.show(load(item), view), 1)
    return np.asarray(features(shown.values)[0])


def _fit(views: list[NDArray[np.float32]], speech: NDArray[np.bool_]) -> Gate:
    values = np.concatenate(views)
    mean, scale = values.mean(0), values.std(0) + np.float32(1e-6)
    model = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=5000)
    model.fit((values - mean) / scale, np.tile(speech, len(views)))
    return Gate(mean, scale, model.coef_[0].astype(np.float32), float(model.intercept_[0]), 0.0)


def _figures(
    items: Sequence[Item],
    speech: NDArray[np.bool_],
    logits: NDArray[np.float64],
    threshold: float,
) -> GateFigures:
    sources = np.array([item.row.source for item in items])
    styles = np.array([item.style for item in items])
    passed = logits >= threshold
    return GateFigures(
        auroc=evaluate.figure(evaluate.auroc, speech, logits, list(sources)),
        speech_lost=evaluate.rate(~passed[speech], list(sources[speech])),
        passed={
            style: evaluate.rate(passed[styles == style], list(sources[styles == style]))
            for style in STYLES[1:]
            if (styles == style).any()
        },
    )
