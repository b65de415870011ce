"""Watermarks of sound, by their makers' detectors where `models install` has put them.

A detector is kept as an encoder of sound is; its first number says how sure it is of a clip. It is
run in the parent, on the windows that the isolated worker cut.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.encoder import DESCRIPTION, installed
from verascope.detect.sound_encoder import SHORTEST, SoundEncoder

MAX_CLIPS = 16  # of one recording, spread over it: about 50 ms each
# Name and build of those that are asked, where they are installed.
BUILDS = {"perth": "fp32"}


class Heard(NamedTuple):
    """What one watermark's detector heard in a recording.

    Attributes:
        name: of the watermark, one of BUILDS.
        confidences: of each clip, float32 [n]; what is near 1 is marked.
    """

    name: str
    confidences: NDArray[np.float32]


class Listeners:
    """The installed detectors of watermarks; each is loaded with the first recording.

    Args:
        providers: of onnxruntime.
        threads: of one run.
    """

    def __init__(self, providers: tuple[str, ...], threads: int) -> None:
        self._found = {
            name: SoundEncoder(folder, providers=providers, threads=threads)
            for name, build in BUILDS.items()
            if (folder := installed(name, build)).joinpath(DESCRIPTION).is_file()
        }

    def hear(self, windows: NDArray[Any]) -> tuple[Heard, ...]:
        """What each of them hears in windows, int16 [n, samples] at 16 kHz, 1 s or longer.

        Raises:
            ModelError: an installed one is damaged.
        """
        if windows.dtype != np.int16 or windows.ndim != 2 or windows.shape[1] < SHORTEST:
            return ()  # a third party's detector may cut others
        places = np.linspace(0, len(windows) - 1, min(len(windows), MAX_CLIPS)).round().astype(int)
        return tuple(
            Heard(name, listener.vectors(windows[places])[:, 0])
            for name, listener in self._found.items()
        )
