"""Fitting the views of `text-style`, and the maps that bring them to log-odds.

Each view is a logistic regression (or a ratio of language models) of one kind of machine text
against people's; every source and class weighs the same, whatever its size.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression

from verascope.detect.style import NAMES, style
from verascope.detect.text_batch import Floats, Ints, TextBatch
from verascope.detect.text_grams import Counted, Linear, characters, words
from verascope.detect.text_tables import HEADS, LengthMap, Style, Views
from verascope.errors import UsageError
from verascope.train import calibrate
from verascope.train.char_models import count
from verascope.train.text_corpus import TextItem
from verascope.train.text_recipe import TextRecipe

PEOPLE, CHAT, INCOHERENT, OTHER = 0, 1, 2, -1  # writers; the language models in their order
LEAST = 20  # texts near a length that its map needs; else that of all lengths is taken


def writers(items: Sequence[TextItem]) -> Ints:
    """Who wrote each text: people, a chat model, an incoherent machine; grey ones are nobody's."""
    return np.array([_writer(item) for item in items], np.int64)


def _writer(item: TextItem) -> int:
    if item.row.label == "real":
        return PEOPLE
    if item.chat:
        return CHAT
    return OTHER if item.row.family.startswith("llm-") else INCOHERENT


def fit_views(items: Sequence[TextItem], recipe: TextRecipe) -> Views:
    """The views, from texts of people and of at least one kind of machine.

    Raises:
        UsageError: there are no texts of people, or none of chat models.
    """
    writer = writers(items)
    if not ((writer == PEOPLE).any() and (writer == CHAT).any()):
        raise UsageError("texts of both classes are needed: real, and synthetic of family llm")
    batch = TextBatch([item.text for item in items])
    weights = np.stack([balance(items, writer, head) for head in (CHAT, INCOHERENT)])
    own = np.where(writer == PEOPLE, weights.max(0), weights.sum(0))
    orders = count(
        batch, writer, 1 + len(HEADS), length=recipe.length, fewest=recipe.fewest, weights=own
    )
    letters = characters(batch, recipe.character_bits)
    phrases = words(batch, recipe.word_bits)
    return Views(
        _linear(letters, recipe.character_bits, writer, weights, recipe),
        _linear(phrases, recipe.word_bits, writer, weights, recipe),
        _style(style(batch), writer, weights, recipe),
        orders,
    )


def fit_lengths(logits: Floats, items: Sequence[TextItem], recipe: TextRecipe) -> LengthMap:
    """Maps of views' logits to log-odds, from texts whose source was left out.

    Args:
        logits: [n, heads, views] of the texts; heads in the order of HEADS, or the first alone.
        items: the texts.
        recipe: for the lengths.
    """
    writer = writers(items)
    logs = np.log([len(item.text) for item in items])
    centres = np.log(recipe.lengths)
    slopes = np.zeros((*logits.shape[1:], len(centres)))
    intercepts = np.zeros_like(slopes)
    for head in range(logits.shape[1]):
        own = balance(items, writer, 1 + head)
        for view in range(logits.shape[2]):
            for k in range(len(centres)):
                near = own * _hat(logs, centres, k)
                made = writer == 1 + head
                few = min((near[made] > 0).sum(), (near[writer == PEOPLE] > 0).sum()) < LEAST
                weight = own if few else near
                kept = weight > 0
                slopes[head, view, k], intercepts[head, view, k] = calibrate.platt(
                    made[kept], logits[kept, head, view], weight[kept]
                )
    return LengthMap(np.array(recipe.lengths, np.int64), slopes, intercepts)


def _hat(logs: Floats, centres: Floats, k: int) -> Floats:
    """How much texts of these log-lengths count at one of the lengths: 1 there, 0 at the next."""
    heights = np.zeros(len(centres))
    heights[k] = 1
    near: Floats = np.interp(logs, centres, heights)
    return near


def balance(items: Sequence[TextItem], writer: Ints, kind: int) -> Floats:
    """Of people's texts and those of one kind: each source and class weighs the same, mean 1."""
    chosen = (writer == PEOPLE) | (writer == kind)
    names = np.array([f"{w}:{item.row.source}" for w, item in zip(writer, items, strict=True)])
    _, index, sizes = np.unique(names, return_inverse=True, return_counts=True)
    weights = np.where(chosen, 1 / sizes[index], 0.0)
    balanced: Floats = weights / max(weights.sum(), 1e-9) * chosen.sum()
    return balanced


def _linear(
    counted: Counted, bits: int, writer: Ints, weights: Floats, recipe: TextRecipe
) -> Linear:
    shape = (len(writer), 1 << bits)
    counts = csr_matrix((counted.value, (counted.owner, counted.column)), shape=shape)
    used = np.bincount(counted.column, minlength=1 << bits)
    rarity = (np.log((1 + len(writer)) / (1 + used)) + 1).astype(np.float16)
    weighed = counts @ diags(rarity.astype(float))
    norm = np.sqrt(np.asarray(weighed.multiply(weighed).sum(1)).ravel())
    unit = diags(1 / np.maximum(norm, 1e-9)) @ weighed
    heads = [
        _logistic(unit, writer, weight, kind, recipe.linear_c, recipe.seed)
        for kind, weight in enumerate(weights, 1)
    ]
    return Linear(
        rarity,
        np.stack([head[0] for head in heads]).astype(np.float16),
        np.array([head[1] for head in heads]),
    )


def _style(
    features: NDArray[np.float32], writer: Ints, weights: Floats, recipe: TextRecipe
) -> Style:
    empty = np.zeros((len(HEADS), len(NAMES)), np.float32)
    scale = np.maximum(features.std(0), 1e-6)
    blank = Style(features.mean(0), scale, empty, np.zeros(len(HEADS)))
    standard = blank.standard(features)
    heads = [
        _logistic(standard, writer, weight, kind, recipe.style_c, recipe.seed)
        for kind, weight in enumerate(weights, 1)
    ]
    return blank._replace(
        weights=np.stack([head[0] for head in heads]).astype(np.float32),
        offsets=np.array([head[1] for head in heads]),
    )


def _logistic(
    features: Floats | csr_matrix, writer: Ints, weight: Floats, kind: int, c: float, seed: int
) -> tuple[Floats, float]:
    """Weights and offset of people against one kind; zeros where there is none of that kind."""
    made = writer == kind
    if not made.any():
        return np.zeros(features.shape[1]), 0.0
    kept = np.flatnonzero(weight > 0)
    model = LogisticRegression(C=c, max_iter=300, solver="liblinear", random_state=seed)
    model.fit(features[kept], made[kept], sample_weight=weight[kept])
    return model.coef_[0], float(model.intercept_[0])
