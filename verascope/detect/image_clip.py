"""`image-clip`, the accurate image detector: a head of ours on a frozen encoder's vectors.

The encoder sees the picture's middle square, resized; the head weighs vectors from all depths of
it (as RINE does: Koutlis and Papadopoulos, ECCV 2024). Training: verascope/train. The encoder is
too large for the package: `verascope models install` puts it into the user's cache.
"""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Windows
from verascope.detect.crops import MIN_SIDE
from verascope.detect.encoder import DESCRIPTION, INT8, Encoder, installed
from verascope.detect.folder_detector import FolderDetector
from verascope.detect.model_folder import EncoderUse, Families
from verascope.detect.session import CUDA, Session, load
from verascope.errors import ModelError, UsageError
from verascope.result import Modality, Nearest

if TYPE_CHECKING:
    from verascope.detect.heat import Heat

SHIPPED = Path(__file__).parent / "models" / "image-clip"


class ImageClip(FolderDetector):
    """A model folder whose model.json names an encoder, as a Detector that also gives heat maps."""

    shipped = SHIPPED
    modality = Modality.IMAGE
    max_batch = 1  # an int8 encoder takes one range of activations for all that it is given
    min_side = MIN_SIDE

    @property
    def use(self) -> EncoderUse:
        """The encoder that the head stands on.

        Raises:
            ModelError: the folder's model stands on none.
        """
        use = self.folder.description.encoder
        if use is None:
            raise ModelError(f"{self.folder.path}: its model.json names no encoder")
        return use

    @property
    def window_shape(self) -> tuple[int, ...]:
        return (self.use.side, self.use.side, 3)

    @property
    def encoder_sha256(self) -> str:
        """Of the build of the encoder that runs here."""
        return self._encoder.description.sha256

    def load(self) -> None:
        _ = self._head, self._patches
        self._encoder.load()

    def windows(self, media: Array) -> Windows:
        from verascope.detect.views import middle, square  # Pillow: in the worker alone

        left, top, length = middle(media.shape[1], media.shape[0])
        places = np.array([[left, top, length, length]], np.int32)
        return Windows(square(media, self.use.side)[None], places)

    def score(self, windows: Array) -> NDArray[np.float32]:
        return self.score_and_nearest(windows)[0]

    def score_and_nearest(self, windows: Array) -> tuple[NDArray[np.float32], Nearest | None]:
        found = [
            self._head.outputs(self._encoder.taps(one[None])[:, self._rows]) for one in windows
        ]
        logits = np.concatenate([each[0] for each in found])
        families = self.folder.description.families
        if families is None:
            return logits, None
        return logits, nearest(families, np.concatenate([each[1] for each in found]).mean(0))

    def heat(self, windows: Windows) -> "Heat | None":
        """What each patch says; None where the head cannot judge patches. A pass of its own."""
        from verascope.detect.heat import Heat

        if self._patches is None:
            return None
        patches = self._encoder.patches(windows.values[:1])
        found = self._patches.run(None, {self._patches.get_inputs()[0].name: patches})[0]
        return Heat.of_patches(found[0], windows, self.folder.description.calibration)

    def find(self) -> Path | None:
        """The folder of an installed build that the head accepts; None where there is none.

        Looks at descriptions alone: the graph itself is held to its hash when it is loaded.
        """
        builds = list(self.use.builds)
        if CUDA in self._providers:  # integers are for processors, and are never batched
            builds.sort(key=lambda build: build == INT8)
        folders = (installed(self.use.name, build) for build in builds)
        return next((f for f in folders if self._accepts(f)), None)

    def missing(self) -> UsageError | ModelError:
        """Why there is no encoder to run, in words that name the mend."""
        use = self.use
        mend = f"verascope models install {use.name}"
        there = [f for build in use.builds if (f := installed(use.name, build)).is_dir()]
        if there:
            return ModelError(
                f"{there[0]} is not the build of {use.name} that {self.name} {self.version} was "
                f"trained on, and its scores would mean nothing; install that one: {mend}"
            )
        return UsageError(f"{self.name} needs the encoder {use.name}; install it with: {mend}")

    def _accepts(self, folder: Path) -> bool:
        if not (folder / DESCRIPTION).is_file():
            return False
        return Encoder(folder).description.sha256 in self.use.builds.values()

    @cached_property
    def _encoder(self) -> Encoder:
        folder = self.find()
        if folder is None:
            raise self.missing()
        sha256 = Encoder(folder).description.sha256
        return _shared(folder, sha256, self._providers, self._threads, self._batch)

    @cached_property
    def _rows(self) -> list[int]:
        """The head's taps by their places among the encoder's."""
        given = self._encoder.description.taps
        lacking = [tap for tap in self.use.taps if tap not in given]
        if lacking:
            raise ModelError(f"{self.folder.path}: {self.use.name} gives no tap {lacking[0]!r}")
        return [given.index(tap) for tap in self.use.taps]

    @cached_property
    def _head(self) -> Session:
        return Session(self.folder.graph(), self._providers, self._threads, self._batch)

    @cached_property
    def _patches(self) -> Any:
        graph = self.folder.patches()
        return None if graph is None else load(graph, self._providers, self._threads)


def nearest(families: Families, scores: NDArray[np.float32]) -> Nearest:
    """The first family by its score [families], and what a lead like its is worth."""
    second, first = np.sort(scores)[-2:]
    held = [band for band in families.bands if first - second >= band.least_lead]
    band = max(held, key=lambda band: band.least_lead)
    name = families.names[int(scores.argmax())]
    return Nearest(family=name, confidence=band.right, interval=band.interval)


@lru_cache(maxsize=2)
def _shared(
    folder: Path, sha256: str, providers: tuple[str, ...], threads: int, batch: int
) -> Encoder:
    """One loaded encoder a process, however many heads and scanners use it."""
    return Encoder(folder, providers=providers, threads=threads, batch=batch)
