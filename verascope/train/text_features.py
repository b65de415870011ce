"""What a frozen encoder says of a corpus's texts, kept on disk as for pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect.text_encoder import TextEncoder
from verascope.train import text_views
from verascope.train.corpora import Item
from verascope.train.features import Report, VectorStore
from verascope.train.text_corpus import TextItem

MADE = "cleaned and scrubbed, 1"  # changes when what an encoder is given of a text does


class TextFeatureStore(VectorStore):
    """The vectors of whole texts under views."""

    def _drawn(self, item: Item, view: str) -> tuple[str, int, str]:
        return view, 0, MADE

    def _computed(self, item: Item, view: str) -> NDArray[np.float32]:
        assert isinstance(item, TextItem)
        found: NDArray[np.float32] = self.encoder.vectors([text_views.VIEWS[view](item.text)])
        return found


def vectors(
    encoder: TextEncoder,
    taps: Sequence[str],
    items: Sequence[TextItem],
    view: str,
    folder: Path,
    report: Report = lambda _done, _all: None,
) -> NDArray[np.float32]:
    """Some taps of texts under a view: float32 [n, width of the taps together]."""
    with TextFeatureStore(encoder, folder) as store:
        return store.of_taps(taps, items, view, report)
