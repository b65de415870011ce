"""What every detector that runs a model folder has in common: who it is, and its calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Estimate, Windows
from verascope.detect.model_folder import ModelFolder
from verascope.result import OperatingPoint, Segment


class FolderDetector:
    """The part of a Detector that its model folder answers; windows and scores are a subclass's.

    Nothing is read before it is asked for.

    Attributes:
        shipped: the folder in the package, which is run where no other is named.
    """

    shipped: ClassVar[Path]

    def __init__(
        self,
        folder: Path | None = None,
        *,
        name: str | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        threads: int = 1,
        batch: int = 1,
    ) -> None:
        self._name = name
        self.folder = ModelFolder(folder or self.shipped)
        self._providers = tuple(providers)
        self._threads = threads
        self._batch = batch

    @property
    def name(self) -> str:
        """The name it was registered under; a bare folder is called as its card says."""
        return self._name or self.folder.description.name

    @property
    def version(self) -> str:
        """Of the model."""
        return self.folder.description.version

    @property
    def sha256(self) -> str:
        """Of model.onnx."""
        return self.folder.description.sha256

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """The thresholds in force."""
        return self.folder.description.operating_points

    @property
    def prior(self) -> float:
        """The share of synthetic media that the calibration assumes."""
        return self.folder.description.calibration.prior

    def pool(self, logits: NDArray[np.float32]) -> float:
        """The logits of a file's windows to the file's: their mean."""
        return float(logits.mean(dtype=np.float64))

    def calibrate(self, logit: float) -> Estimate:
        """A file's logit to its score and interval."""
        return self.folder.description.calibration(logit)

    def segments(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[Segment, ...]:
        """Each window's place with its logit and score."""
        return tuple(
            Segment(logit=float(logit), score=self.calibrate(float(logit)).score, **_where(place))
            for place, logit in zip(windows.places, logits, strict=True)
        )

    def examples(self) -> list[Array]:
        """The windows of the stored reference, made by code: they are nobody's pictures."""
        windows, _ = self.folder.reference()
        return list(windows)


def _where(place: Array) -> dict[str, Any]:
    """A box in pixels, or a span in seconds."""
    if len(place) == 4:
        x, y, width, height = place
        return {"box": (int(x), int(y), int(width), int(height))}
    return {"span": (float(place[0]), float(place[1]))}
