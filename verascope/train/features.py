"""What a frozen encoder says of a corpus's files, kept on disk: a head then trains in minutes.

One SQLite file for each encoder build. A vector is found by the file's content, the name of the
view, the seed it is drawn by, and what the view makes of a test picture: where code or a library
changes that, nothing stale is read.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from verascope.detect.views import square
from verascope.train import views
from verascope.train.corpora import Item
from verascope.train.pixels import load

SCHEMA = """
create table if not exists taps (
  content text not null, view text not null, seed integer not null, made text not null,
  taps blob not null, primary key (content, view, seed, made)
) without rowid
"""
Report = Callable[[int, int], None]  # done, of how many


class FeatureStore:
    """The taps of pictures under views; computes what is missing. A context manager.

    Args:
        encoder: whose taps, an Encoder of pictures.
        folder: where the SQLite file lies, named by the encoder's hash.
    """

    def __init__(self, encoder: Any, folder: Path) -> None:
        self.encoder = encoder
        folder.mkdir(parents=True, exist_ok=True)
        described = encoder.description
        self.file = folder / f"{described.name}-{described.build}-{described.sha256[:12]}.sqlite"
        self._database = sqlite3.connect(self.file, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute(SCHEMA)
        self._shape = self._shape_of(encoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def taps(
        self,
        items: Sequence[Item],
        view: str,
        rows: Sequence[int] | None = None,
        report: Report = lambda _done, _all: None,
    ) -> NDArray[np.float32]:
        """The taps of items under a view.

        Args:
            items: files of corpora; each has its sha256 in its manifest.
            view: one of `views.names()`.
            rows: which taps, by position; None gives all.
            report: called as the work goes on.

        Returns:
            float32 [n, rows, width]; NaN where the view leaves too little of a picture.
        """
        chosen = list(range(self._shape[0])) if rows is None else list(rows)
        found = np.empty((len(items), len(chosen), self._shape[1]), np.float32)
        for place, item in enumerate(items):
            found[place] = self._of(item, view)[chosen]
            report(place + 1, len(items))
        return found

    @staticmethod
    def _shape_of(encoder: Any) -> tuple[int, int]:
        return len(encoder.description.taps), encoder.description.width

    def _of(self, item: Item, view: str) -> NDArray[np.float16]:
        """One item's taps, from the file or computed now."""
        content = item.row.sha256 or hashlib.sha256(item.place.read()).hexdigest()
        key = (content, *self._drawn(item, view))
        row = self._database.execute(
            "select taps from taps where content = ? and view = ? and seed = ? and made = ?", key
        ).fetchone()
        if row is not None:
            return np.frombuffer(row[0], np.float16).reshape(self._shape)
        taps = self._computed(item, view).astype(np.float16)
        self._database.execute(
            "insert or replace into taps values (?, ?, ?, ?, ?)", (*key, taps.tobytes())
        )
        return taps

    def _drawn(self, item: Item, view: str) -> tuple[str, int, str]:
        """The view, the seed that it is drawn by, and what it makes of a test picture."""
        return view, views.seed_of(item) if views.drawn(view) else 0, views.made_of(view)

    def _computed(self, item: Item, view: str) -> NDArray[np.float32]:
        _, seed, _ = self._drawn(item, view)
        shown = square(views.show(load(item), view, seed), self.encoder.description.side)
        taps: NDArray[np.float32] = self.encoder.taps(shown[None])[0]
        return taps


class VectorStore(FeatureStore):
    """The vectors of an encoder that makes one of an input, in its taps' order."""

    @staticmethod
    def _shape_of(encoder: Any) -> tuple[int, int]:
        return 1, sum(encoder.description.widths)

    def of_taps(
        self,
        taps: Sequence[str],
        items: Sequence[Item],
        view: str,
        report: Report = lambda _done, _all: None,
    ) -> NDArray[np.float32]:
        """Some taps of items under a view: float32 [n, width of the taps together]."""
        found = self.taps(items, view, None, report)[:, 0]
        return np.concatenate([found[:, self.encoder.slices[tap]] for tap in taps], axis=1)
