"""`image-residual`, the fast image detector: a small network of ours on native crops.

Training and architecture: verascope/train/image.py. Here it is only run.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Estimate, Windows
from verascope.detect.crops import CROP, MIN_SIDE, native_crops
from verascope.detect.model_folder import ModelFolder
from verascope.detect.session import Session
from verascope.result import Modality, OperatingPoint, Segment

SHIPPED = Path(__file__).parent / "models" / "image-residual"


class ImageResidual:
    """A model folder of `verascope train image` as a Detector."""

    modality = Modality.IMAGE
    max_batch = 64
    window_shape: tuple[int, ...] = (CROP, CROP, 3)
    min_side = MIN_SIDE

    def __init__(
        self,
        folder: Path = SHIPPED,
        *,
        name: str | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        threads: int = 1,
    ) -> None:
        self._name = name
        self.folder = ModelFolder(folder)
        self._providers = providers
        self._threads = threads

    @property
    def name(self) -> str:
        """The name it was registered under; a bare folder is called as its card says."""
        return self._name or self.folder.description.name

    @property
    def version(self) -> str:
        return self.folder.description.version

    @property
    def sha256(self) -> str:
        return self.folder.description.sha256

    @property
    def operating_points(self) -> tuple[OperatingPoint, ...]:
        return self.folder.description.operating_points

    @property
    def prior(self) -> float:
        return self.folder.description.calibration.prior

    def load(self) -> None:
        _ = self._session

    def windows(self, media: Array) -> Windows:
        return native_crops(media)

    def score(self, windows: Array) -> NDArray[np.float32]:
        batches = range(0, len(windows), self.max_batch)
        logits = [self._session(windows[i : i + self.max_batch]) for i in batches]
        return np.concatenate(logits)

    def pool(self, logits: NDArray[np.float32]) -> float:
        return float(logits.mean(dtype=np.float64))

    def calibrate(self, logit: float) -> Estimate:
        return self.folder.description.calibration(logit)

    def segments(self, windows: Windows, logits: NDArray[np.float32]) -> tuple[Segment, ...]:
        calibration = self.folder.description.calibration
        return tuple(
            Segment(
                logit=float(logit),
                score=calibration(float(logit)).score,
                box=(int(x), int(y), int(w), int(h)),
            )
            for (x, y, w, h), logit in zip(windows.places, logits, strict=True)
        )

    def examples(self) -> list[Array]:
        """The windows of the stored reference, made by code: they are nobody's pictures."""
        windows, _ = self.folder.reference()
        return list(windows)

    @cached_property
    def _session(self) -> Session:
        return Session(self.folder.graph(), self._providers, self._threads)
