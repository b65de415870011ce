"""`image-residual`, the fast image detector: a small network of ours on native crops.

Training and architecture: verascope/train/image.py. Here it is only run.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Windows
from verascope.detect.crops import CROP, MIN_SIDE, native_crops
from verascope.detect.folder_detector import FolderDetector
from verascope.detect.session import Session
from verascope.result import Modality

SHIPPED = Path(__file__).parent / "models" / "image-residual"


class ImageResidual(FolderDetector):
    """A model folder of `verascope train image` as a Detector."""

    shipped = SHIPPED
    modality = Modality.IMAGE
    max_batch = 64
    window_shape: tuple[int, ...] = (CROP, CROP, 3)
    min_side = MIN_SIDE

    def load(self) -> None:
        _ = self._session

    def windows(self, media: Array) -> Windows:
        return native_crops(media)

    def score(self, windows: Array) -> NDArray[np.float32]:
        batches = range(0, len(windows), self.max_batch)
        logits = [self._session(windows[i : i + self.max_batch]) for i in batches]
        return np.concatenate(logits)

    @cached_property
    def _session(self) -> Session:
        return Session(self.folder.graph(), self._providers, self._threads, self._batch)
