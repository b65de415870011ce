"""The trained tables of `text-style`, and what they make of texts: four views, two heads.

Each view (n-grams of characters, words, style, language models) has its own logit, is brought to
log-odds by a map that depends on the text's length, and has its share in the head's logit: unlike
views err apart, and an average does not learn how sources differ, as a classifier on top would.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.char_models import Order, log_probabilities
from verascope.detect.style import style
from verascope.detect.text_batch import Floats, Ints, TextBatch
from verascope.detect.text_grams import Linear, characters, words

# Chat models write likelier text than people do, old bots and base models unlikelier: two axes.
HEADS = ("chat", "incoherent")
CHAT, INCOHERENT = range(2)
VIEWS = ("characters", "words", "style", "language_models")
MOST_SIGMAS = 5.0  # of a feature of style; no single one decides
GRAMS, ORDER = ("rarity", "weights", "offsets"), ("keys", "seen", "left")


class Style(NamedTuple):
    """A linear model on standardised features of style.

    Attributes:
        mean, scale: float32 [features].
        weights: float32 [heads, features].
        offsets: float64 [heads].
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    offsets: Floats

    def __call__(self, features: NDArray[np.float32]) -> Floats:
        """Logits of features [n, features], float64 [n, heads]."""
        logits: Floats = self.standard(features) @ self.weights.T.astype(float) + self.offsets
        return logits

    def standard(self, features: NDArray[np.float32]) -> Floats:
        """In standard deviations, at most MOST_SIGMAS."""
        far: Floats = ((features - self.mean) / self.scale).astype(float)
        return far.clip(-MOST_SIGMAS, MOST_SIGMAS)


class Views(NamedTuple):
    """The models behind the views; the language models are people's, then one for each head."""

    characters: Linear
    words: Linear
    style: Style
    orders: tuple[Order, ...]

    def __call__(self, batch: TextBatch) -> Floats:
        """Logits of each view, float64 [n, heads, views]."""
        found = (
            self.characters(characters(batch, self.characters.bits), len(batch)),
            self.words(words(batch, self.words.bits), len(batch)),
            self.style(style(batch)),
            self.ratios(batch),
        )
        return np.stack(found, 2)

    def ratios(self, batch: TextBatch) -> Floats:
        """Each head's mean log-likelihood ratio against people's, by character: [n, heads]."""
        logs = log_probabilities(self.orders, batch)
        return np.stack([batch.mean(logs[:, 1 + head] - logs[:, 0]) for head in range(2)], 1)


class LengthMap(NamedTuple):
    """Log-odds of a view's logit in a text of some length: slope · logit + intercept (Platt 1999).

    Between the lengths that it was fitted at, both change with the logarithm of the length.

    Attributes:
        lengths: int64 [k], characters, rising.
        slopes, intercepts: float64 [heads, views, k].
    """

    lengths: Ints
    slopes: Floats
    intercepts: Floats

    def __call__(self, logits: Floats, lengths: Ints) -> Floats:
        """Of logits [n, heads, views] of texts of so many characters, [n, heads, views]."""
        at = np.interp(
            np.log(np.maximum(lengths, 1)), np.log(self.lengths), range(len(self.lengths))
        )
        low = np.minimum(at.astype(int), len(self.lengths) - 2)
        part = (at - low)[:, None, None]
        slope, intercept = (
            np.moveaxis(each[:, :, low], 2, 0) * (1 - part)
            + np.moveaxis(each[:, :, low + 1], 2, 0) * part
            for each in (self.slopes, self.intercepts)
        )
        odds: Floats = slope * logits + intercept
        return odds


class TextTables(NamedTuple):
    """Everything that a text's logits need.

    Attributes:
        views: the models.
        by_length: brings their logits to log-odds.
        shares: float64 [views], of each view in a head's logit; their sum is 1.
        ceiling: the highest logit of a text that is too short to be called synthetic.
    """

    views: Views
    by_length: LengthMap
    shares: Floats
    ceiling: float

    def __call__(self, batch: TextBatch) -> Floats:
        """Logits of both heads, float64 [n, heads]."""
        logits: Floats = self.odds(batch) @ self.shares
        return logits

    def odds(self, batch: TextBatch) -> Floats:
        """Log-odds of each view, float64 [n, heads, views]."""
        return self.by_length(self.views(batch), batch.lengths)


def dumps(tables: TextTables) -> bytes:
    """As a compressed file of arrays, the same bytes for the same tables."""
    views, by_length = tables.views, tables.by_length
    arrays: dict[str, Any] = {
        **{f"characters_{name}": getattr(views.characters, name) for name in GRAMS},
        **{f"words_{name}": getattr(views.words, name) for name in GRAMS},
        **{f"style_{name}": getattr(views.style, name) for name in Style._fields},
        **{
            f"order{n}_{name}": getattr(order, name)
            for n, order in enumerate(views.orders, 1)
            for name in ORDER
        },
        **{f"map_{name}": getattr(by_length, name) for name in LengthMap._fields},
        "shares": tables.shares,
        "ceiling": np.array(tables.ceiling),
    }
    return packed(arrays)


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed .npz: the same bytes for the same arrays, whatever the time."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")
            file.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def loads(data: bytes) -> TextTables:
    """Tables from what `dumps` made of them."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    orders = sum(name.endswith("_keys") for name in held)
    views = Views(
        Linear(*(held[f"characters_{name}"] for name in GRAMS)),
        Linear(*(held[f"words_{name}"] for name in GRAMS)),
        Style(*(held[f"style_{name}"] for name in Style._fields)),
        tuple(Order(*(held[f"order{n}_{name}"] for name in ORDER)) for n in range(1, orders + 1)),
    )
    by_length = LengthMap(*(held[f"map_{name}"] for name in LengthMap._fields))
    return TextTables(views, by_length, held["shares"], float(held["ceiling"]))
