"""What a frozen encoder says of a corpus's recordings, kept on disk as for pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect import sound_windows
from verascope.detect.sound_encoder import SoundEncoder
from verascope.errors import InputTrouble, UsageError
from verascope.generate.sounds import decode
from verascope.train import sound_views
from verascope.train.corpora import Item
from verascope.train.features import Report, VectorStore

MOST = 3  # windows of a recording that stand for it in training


class SoundFeatureStore(VectorStore):
    """The vectors of recordings under views, the mean over a recording's windows."""

    def _drawn(self, item: Item, view: str) -> tuple[str, int, str]:
        return view, 0, sound_views.made_of(view)

    def _computed(self, item: Item, view: str) -> NDArray[np.float32]:
        shown = sound_views.show(load(item), view)
        said = self.encoder.vectors(sound_windows.windows(shown, MOST).values)
        return np.asarray(said.mean(0, keepdims=True), np.float32)


def vectors(
    encoder: SoundEncoder,
    taps: Sequence[str],
    items: Sequence[Item],
    view: str,
    folder: Path,
    report: Report = lambda _done, _all: None,
) -> NDArray[np.float32]:
    """Some taps of recordings under a view: float32 [n, width of the taps together]."""
    with SoundFeatureStore(encoder, folder) as store:
        return store.of_taps(taps, items, view, report)


def load(item: Item) -> NDArray[np.int16]:
    """An item's samples, int16 [n], mono, 16 kHz.

    Raises:
        UsageError: the file is missing or broken.
    """
    try:
        return decode(item.place)
    except InputTrouble as trouble:
        raise UsageError(
            f"{item.place}: {trouble.reason}: {trouble.detail}; mend the corpus or take its row out"
        ) from trouble
