"""A detector of loud moments, for what test_sound_scan.py has to see: which window is where."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Estimate, Windows
from verascope.result import Modality, OperatingPoint, Segment

WINDOW = 8_000  # samples, half a second


class Level:
    """Its score is how loud the loudest window is, as a share of full scale."""

    modality = Modality.AUDIO
    max_batch = 64
    window_shape = (WINDOW,)
    min_side = WINDOW
    version = "1"
    sha256 = "0" * 64
    prior = 0.5
    operating_points = (
        OperatingPoint(
            name="high_precision", threshold=0.5, false_positive_rate=0.01, interval=(0, 0.1)
        ),
        OperatingPoint(
            name="high_recall", threshold=0.4, false_positive_rate=0.1, interval=(0, 0.2)
        ),
    )

    def __init__(
        self,
        *,
        name: str | None = None,
        providers: Sequence[str] = (),
        threads: int = 1,
    ) -> None:
        self.name = name or "level"

    def load(self) -> None:
        pass

    def windows(self, media: Array) -> Windows:
        count = len(media) // WINDOW
        starts = np.arange(count) * 0.5
        values = media[: count * WINDOW].reshape(count, WINDOW)
        return Windows(values, np.stack([starts, starts + 0.5], axis=1))

    def score(self, windows: Array) -> NDArray[np.float32]:
        loudest: NDArray[np.float32] = np.abs(windows.astype(np.float32)).max(axis=1) / 32768
        return loudest

    def pool(self, logits: NDArray[np.float32]) -> float:
        return float(logits.max())

    def calibrate(self, logit: float) -> Estimate:
        return Estimate(logit, (0.0, 1.0))

    def segments(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[Segment, ...]:
        return tuple(
            Segment(logit=float(logit), score=float(logit), span=(float(start), float(end)))
            for (start, end), logit in zip(windows.places, logits, strict=True)
        )

    def examples(self) -> list[Array]:
        return [np.zeros(WINDOW, np.int16)]
