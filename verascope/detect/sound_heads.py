"""What both detectors of sound have in common: heads of ours on frozen encoders' vectors."""

from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect import sound_windows, spectral_encoder, speech_gate
from verascope.detect.contract import Array, Windows
from verascope.detect.encoder import installed
from verascope.detect.folder_detector import FolderDetector
from verascope.detect.model_folder import TapsUse
from verascope.detect.session import Session
from verascope.detect.sound_encoder import SoundEncoder
from verascope.errors import ModelError, UsageError
from verascope.result import Modality

SHARPNESS = 4.0  # of the pooling; see `pool`


class SoundHeads(FolderDetector):
    """A model folder whose model.json names encoders of sound, as a Detector."""

    modality = Modality.AUDIO
    max_batch = 1
    window_shape: tuple[int, ...] = (sound_windows.LENGTH,)
    min_side = sound_windows.LEAST
    most_windows = sound_windows.MOST

    def load(self) -> None:
        """Load the encoders and the heads now."""
        _ = self._heads
        for encoder, _rows in self.encoders:
            encoder.load()

    def windows(self, media: Array) -> Windows:
        """Those of sound_windows that hold speech; none if there is none."""
        cut = sound_windows.windows(media, self.most_windows)
        heard = speech_gate.shipped().speech(cut.values)
        return Windows(cut.values[heard], cut.places[heard])

    def score(self, windows: Array) -> NDArray[np.float32]:
        """Windows int16 [n, 32000] to logits, each by itself."""
        return np.concatenate([self._heads(self.vectors(one[None])) for one in windows])

    def vectors(self, windows: NDArray[np.int16]) -> NDArray[np.float32]:
        """What the encoders say of windows, in the order that the heads take: [n, width]."""
        said = [encoder.vectors(windows)[:, rows] for encoder, rows in self.encoders]
        return np.concatenate(said, axis=1)

    def pool(self, logits: NDArray[np.float32]) -> float:
        """The logits of a recording's windows to its own: a mean that leans to the highest.

        ln mean exp(4 l) / 4. With the mean alone a spoken minute would hide an inserted sentence;
        with the highest alone every long recording would be flagged in the end.
        """
        scaled = SHARPNESS * logits.astype(np.float64)
        top = scaled.max()
        return float((top + np.log(np.exp(scaled - top).mean())) / SHARPNESS)

    def find(self) -> bool:
        """Whether every encoder is there, in a build that the heads accept."""
        return all(_folder(use) is not None for use in self._uses)

    def missing(self) -> UsageError:
        """What has to be installed first, in words."""
        names = [use.name for use in self._uses if _folder(use) is None]
        return UsageError(
            f"{self.name} stands on encoders that are not installed, or in other builds: "
            f"verascope models install {' '.join(names)}"
        )

    @property
    def encoder_sha256(self) -> str:
        """Of the builds of the encoders that run here, in the heads' order."""
        return "+".join(encoder.description.sha256 for encoder, _ in self.encoders)

    @property
    def _uses(self) -> tuple[TapsUse, ...]:
        uses = self.folder.description.encoders
        if not uses:
            raise ModelError(f"{self.folder.path}: its model.json names no encoder of sound")
        return uses

    @cached_property
    def _heads(self) -> Session:
        return Session(self.folder.graph(), self._providers, self._threads, self._batch)

    @cached_property
    def encoders(self) -> list[tuple[SoundEncoder, NDArray[np.int64]]]:
        """Each encoder, and the places of the heads' taps in its vectors."""
        if not self.find():
            raise self.missing()
        found = []
        for use in self._uses:
            encoder = opened(use, self._providers, self._threads)
            places = np.arange(sum(encoder.description.widths))
            found.append((encoder, np.concatenate([places[encoder.slices[t]] for t in use.taps])))
        return found


def opened(
    use: TapsUse, providers: tuple[str, ...] = ("CPUExecutionProvider",), threads: int = 1
) -> SoundEncoder:
    """The encoder that a head uses; one loaded encoder a process, however many heads use it.

    Raises:
        UsageError: it is not installed in a build that the head accepts.
    """
    folder = _folder(use)
    if folder is None:
        raise UsageError(f"not installed: verascope models install {use.name}")
    return _shared(folder, use.name == spectral_encoder.NAME, providers, threads)


def _folder(use: TapsUse) -> Path | None:
    """Where a build lies that the head accepts."""
    if use.name == spectral_encoder.NAME:
        return spectral_encoder.SHIPPED
    for build, sha256 in use.builds.items():
        folder = installed(use.name, build)
        try:
            if SoundEncoder(folder).description.sha256 == sha256:
                return folder
        except (ModelError, UsageError):
            continue
    return None


@lru_cache(maxsize=8)
def _shared(folder: Path, own: bool, providers: tuple[str, ...], threads: int) -> SoundEncoder:
    kind = spectral_encoder.SpectralEncoder if own else SoundEncoder
    return kind(folder, providers=providers, threads=threads)
