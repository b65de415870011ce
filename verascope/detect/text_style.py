"""`text-style`, the fast detector of machine-written English: tables in numpy.

Four views of a passage and two heads (text_tables.py). The head for chat models gives the score;
the one for incoherent machine text, which was at chance on sources it had not seen, only remarks.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect import text_windows
from verascope.detect.contract import Array, Windows
from verascope.detect.folder_detector import FolderDetector
from verascope.detect.text_batch import TextBatch
from verascope.detect.text_tables import CHAT, TextTables, loads
from verascope.detect.text_windows import MIN_CHARACTERS, MIN_DECIDED, Prose
from verascope.result import Modality, Segment

SHIPPED = Path(__file__).parent / "models" / "text-style"
MOST_SEGMENTS = 200
LONG_CHARACTERS = 600  # of a passage that may hide another writer's


class TextStyle(FolderDetector):
    """The model folder in the package, or another of `verascope train text`."""

    shipped = SHIPPED
    modality = Modality.TEXT
    max_batch = 1024
    window_shape: tuple[int, ...] = text_windows.SHAPE
    min_side = MIN_CHARACTERS

    def load(self) -> None:
        """Load the tables now."""
        _ = self.tables

    def windows(self, media: Array) -> Windows:
        """Passages of a text int32 [2, n]: code points, and where each stood in the original."""
        return text_windows.windows(Prose.of(media))

    def score(self, windows: Array) -> NDArray[np.float32]:
        """Windows int16 [n, 2, UNITS] to logits, each by itself."""
        return self.logits(text_windows.texts(windows))

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """Logits of texts, float32 [n]; those of short ones end below the point of precision."""
        batch = TextBatch([text or " " for text in texts])
        logits = self.tables(batch)[:, CHAT]
        short = batch.lengths < MIN_DECIDED
        return np.where(short, np.minimum(logits, self.tables.ceiling), logits).astype(np.float32)

    def segments(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[Segment, ...]:
        """Passages, and the sentences of those that are long or reach a point; with their scores.

        Spans are in the original's characters. Short sentences stand together, so that each has as
        many characters as can be judged.
        """
        found: list[Segment] = []
        for index, text in enumerate(text_windows.texts(windows.values)):
            spans, own = [(0, len(text))], [float(logits[index])]
            if self._looked_into(text, own[0]):
                spans = text_windows.sentences(text)
                if len(spans) > 1:
                    parts = [text[start:end] for start, end in spans]
                    own = [float(logit) for logit in self.sentence_logits(parts)]
            for logit, (start, end) in zip(own, spans, strict=True):
                places = (text_windows.origin(windows.values, index, i) for i in (start, end - 1))
                first, last = (float(windows.places[index, 0] + place) for place in places)
                score = self.calibrate(logit).score
                found.append(Segment(logit=logit, score=score, span=(first, last + 1)))
        return tuple(found[:MOST_SEGMENTS])

    def _looked_into(self, text: str, logit: float) -> bool:
        """Whether a passage is worth the time that its sentences take."""
        if len(text) >= LONG_CHARACTERS:
            return True
        return self.calibrate(logit).score >= self.operating_points[-1].threshold

    def sentence_logits(self, texts: list[str]) -> NDArray[np.float32]:
        """Logits of sentences by themselves, float32 [n]."""
        return self.logits(texts)

    def reasons(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[str, ...]:
        """What weighs most in the passage that scores highest."""
        from verascope.detect.text_reasons import reasons

        passage = text_windows.texts(windows.values[int(logits.argmax())][None])[0]
        return reasons(self.reasoned, passage or " ")

    @property
    def reasoned(self) -> TextTables:
        """The tables that reasons are read from."""
        return self.tables

    def examples(self) -> list[Array]:
        """Texts made by code, as this detector takes them."""
        windows, _ = self.folder.reference()
        return [text_windows.scrub(text).array() for text in text_windows.texts(windows)]

    @cached_property
    def tables(self) -> TextTables:
        """The trained tables."""
        return loads(self.folder.tables())
