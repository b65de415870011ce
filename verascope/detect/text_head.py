"""A linear head on a frozen encoder's vectors of a text, averaged with `text-style`'s logit."""

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.text_batch import Floats, Ints
from verascope.detect.text_tables import LengthMap, packed

FIELDS = ("mean", "scale", "weights")


class TextHead(NamedTuple):
    """The head, and how much it counts beside the tables.

    Attributes:
        mean, scale: float32 [d], of each number of a vector.
        weights: float32 [d]; offset: of the logit.
        by_length: brings the head's logit to log-odds, as one view of one head.
        share: of the head in the logit, 0 to 1; the tables have the rest.
        ceiling: the highest logit of a text that is too short to be called synthetic.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    offset: float
    by_length: LengthMap
    share: float
    ceiling: float

    def raw(self, vectors: NDArray[np.float32]) -> Floats:
        """The head's own logits of vectors [n, d], float64 [n]."""
        logits: Floats = ((vectors - self.mean) / self.scale) @ self.weights + self.offset
        return logits.astype(float)

    def __call__(self, vectors: NDArray[np.float32], tables: Floats, lengths: Ints) -> Floats:
        """Logits, float64 [n].

        Args:
            vectors: float32 [n, d] of the texts.
            tables: float64 [n], the tables' logits of them.
            lengths: characters of each.
        """
        odds = self.by_length(self.raw(vectors)[:, None, None], lengths)[:, 0, 0]
        logits: Floats = self.share * odds + (1 - self.share) * tables
        return logits


def dumps(head: TextHead) -> bytes:
    """As a compressed file of arrays."""
    maps = {f"map_{name}": getattr(head.by_length, name) for name in LengthMap._fields}
    numbers = {"numbers": np.array([head.offset, head.share, head.ceiling])}
    return packed({name: getattr(head, name) for name in FIELDS} | maps | numbers)


def loads(data: bytes) -> TextHead:
    """A head from what `dumps` made of it."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        held = {name: stored[name] for name in stored.files}
    offset, share, ceiling = map(float, held["numbers"])
    by_length = LengthMap(*(held[f"map_{name}"] for name in LengthMap._fields))
    mean, scale, weights = (held[name] for name in FIELDS)
    return TextHead(mean, scale, weights, offset, by_length, share, ceiling)
