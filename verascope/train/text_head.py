"""`verascope train text-head`: corpora of texts and an installed encoder to the accurate tier.

A logistic head on some taps of a frozen encoder, averaged with the tables of `text-style`. Every
source is left out once, by head and tables alike: these logits give figures, calibration and
thresholds, as in text.py, whose recipe the tables follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from verascope.detect import text_windows
from verascope.detect.model_folder import TABLES, TapsUse
from verascope.detect.text_batch import Floats, Ints
from verascope.detect.text_encoder import TextEncoder
from verascope.detect.text_head import TextHead, dumps
from verascope.detect.text_style import TextStyle
from verascope.detect.text_tables import LengthMap, TextTables
from verascope.errors import UsageError
from verascope.train import text_features
from verascope.train.folder import Model, reference_file
from verascope.train.report import Scored
from verascope.train.text import (
    LIMITS,
    PREPROCESSING,
    Report,
    Settled,
    capped,
    complete,
    fit_tables,
    held_out,
    logits_of,
    reference_windows,
    settle,
)
from verascope.train.text_corpus import TextItem
from verascope.train.text_fit import CHAT, PEOPLE, balance, fit_lengths, writers
from verascope.train.text_recipe import TextHeadRecipe
from verascope.train.text_views import HEADLINE


@dataclass(frozen=True)
class TextHeadRun:
    """What a training is asked to do; see TextRun.

    Attributes:
        encoder: installed.
        features: folder that keeps the encoder's vectors.
    """

    folders: Sequence[Path]
    out: Path
    encoder: TextEncoder
    features: Path
    recipe: TextHeadRecipe
    refit: bool = False
    name: str = "text-smollm"
    version: str = "0.1.0"
    command: str = ""
    report: Report = field(default=lambda _what, _done, _all: None)


def train_text_head(run: TextHeadRun) -> Path:
    """Train, calibrate, measure; returns the model folder.

    Raises:
        UsageError: the corpora do not hold both classes in two sources at least, or the encoder
            gives no such tap.
    """
    given = run.encoder.description.taps
    if missing := [tap for tap in run.recipe.taps if tap not in given]:
        raise UsageError(
            f"{run.recipe.encoder} {run.recipe.build} gives no tap {missing[0]!r}; it gives "
            + ", ".join(given)
        )

    def score(learned: _Learned, items: list[TextItem]) -> dict[str, Scored]:
        return {HEADLINE: Scored(items, _logits(run, learned, items))}

    return complete(
        run, lambda items: _learn(run, items), score, lambda learned: _model(run, learned.head)
    )


class _Learned(NamedTuple):
    """A head and the tables of the same texts, and what was made of sources left out."""

    head: TextHead
    tables: TextTables
    held_out: dict[str, Scored]
    settled: Settled


def _learn(run: TextHeadRun, items: list[TextItem]) -> _Learned:
    fitted = fit_tables(items, run.recipe.tables, run.report)
    beside = held_out(fitted, HEADLINE).logits
    vectors = _vectors(run, items)
    folds = fitted.left.folds
    raw = np.zeros(len(items))
    for fold in np.unique(folds):
        held = folds == fold
        rest = [item for item, own in zip(items, held, strict=True) if not own]
        raw[held] = fit_head(vectors[~held], rest, run.recipe).raw(vectors[held])
    by_length = fit_lengths(raw[:, None, None], items, run.recipe.tables)
    head = fit_head(vectors, items, run.recipe)._replace(by_length=by_length)
    lengths = _lengths(items)
    odds = by_length(raw[:, None, None], lengths)[:, 0, 0]
    logits = run.recipe.share * odds + (1 - run.recipe.share) * beside
    settled = settle(Scored(items, logits, folds), run.recipe.tables)
    kept = Scored(items, capped(logits, lengths, settled.ceiling), folds)
    return _Learned(head._replace(ceiling=settled.ceiling), fitted.whole, {HEADLINE: kept}, settled)


def fit_head(
    vectors: NDArray[np.float32], items: Sequence[TextItem], recipe: TextHeadRecipe
) -> TextHead:
    """A logistic regression of chat models' texts against people's, every source weighed alike."""
    writer = writers(items)
    weight = balance(items, writer, CHAT)
    mean, scale = vectors.mean(0), np.maximum(vectors.std(0), 1e-6)
    kept = np.flatnonzero((writer == PEOPLE) | (writer == CHAT))
    model = LogisticRegression(C=recipe.c, max_iter=500)
    model.fit((vectors[kept] - mean) / scale, writer[kept] == CHAT, weight[kept])
    flat = LengthMap(np.array([1, 2], np.int64), np.ones((1, 1, 2)), np.zeros((1, 1, 2)))
    weights = model.coef_[0].astype(np.float32)
    return TextHead(mean, scale, weights, float(model.intercept_[0]), flat, recipe.share, np.inf)


def _logits(run: TextHeadRun, learned: _Learned, items: list[TextItem]) -> Floats:
    """Logits of other texts by head and tables of the same training texts."""
    lengths = _lengths(items)
    tables = logits_of(learned.tables, [item.text for item in items])
    logits = learned.head(_vectors(run, items), tables, lengths)
    return capped(logits, lengths, learned.head.ceiling)


def _lengths(items: Sequence[TextItem]) -> Ints:
    return np.array([len(item.text) for item in items], np.int64)


def _vectors(run: TextHeadRun, items: Sequence[TextItem]) -> NDArray[np.float32]:
    """The taps of the recipe, from the disk or computed now."""

    def report(done: int, of: int) -> None:
        run.report(run.recipe.encoder, done, of)

    return text_features.vectors(
        run.encoder, run.recipe.taps, items, HEADLINE, run.features, report
    )


def _model(run: TextHeadRun, head: TextHead) -> Model:
    """What becomes of the run, as files and words; the tables beside are the package's own."""
    style, described = TextStyle(), run.encoder.description
    windows = reference_windows()
    texts = text_windows.texts(windows)
    lengths = np.array([len(text) for text in texts], np.int64)
    vectors = run.encoder.vectors(texts)
    chosen = np.concatenate([vectors[:, run.encoder.slices[tap]] for tap in run.recipe.taps], 1)
    logits = head(chosen, style.logits(texts).astype(float), lengths)
    shown = capped(logits, lengths, head.ceiling).astype(np.float32)
    use = TapsUse(
        name=described.name, builds={described.build: described.sha256}, taps=run.recipe.taps
    )
    return Model(
        dumps(head),
        reference_file(windows, shown),
        sum(int(np.size(each)) for each in head[:3]) + style.folder.description.parameters,
        PREPROCESSING | {"encoder_sees_tokens": described.most_tokens},
        (HEADLINE,),
        LIMITS,
        encoders=(use,),
        file=TABLES,
        beside={style.name: style.sha256},
    )
