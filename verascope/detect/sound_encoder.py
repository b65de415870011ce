"""A frozen encoder of sound: clips of 16 kHz to one vector each, made of several taps.

Built and kept as encoders of pictures are. Level and front end are inside the graph, so that what
trains a head and what scans cannot differ in them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.detect.encoder import Described, OneVector, least_cosine, there

RATE = 16_000  # samples a second
SHORTEST = RATE  # samples: what every encoder takes


class SoundEncoderDescription(Described, frozen=True, kw_only=True):
    """What encoder.json holds of an encoder of sound.

    Attributes:
        rate: of its input, samples a second; the graph takes int16 [n, m].
        widths: of each tap's vector: mean, deviation and what else is taken over time.
        longest: the most samples of a clip; None where any number will do.
    """

    rate: int
    widths: tuple[int, ...]
    longest: int | None = None


class SoundEncoder(OneVector[SoundEncoderDescription]):
    """An encoder of sound. Clips go through one at a time, so no score depends on the batch."""

    schema = SoundEncoderDescription
    kind = "sound"
    given = "samples"

    def vectors(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """The vector of each clip: int16 [n, m] at 16 kHz → float32 [n, sum of widths].

        Raises:
            ValueError: the clips are shorter than 1 s or longer than `longest`.
        """
        longest = self.description.longest or samples.shape[1]
        if not SHORTEST <= samples.shape[1] <= longest:
            name = self.description.name
            raise ValueError(f"{name} takes {SHORTEST} to {longest} samples: {samples.shape[1]}")
        return np.concatenate([self._run(one) for one in samples])

    def _nearness(self, stored: Mapping[str, NDArray[Any]]) -> float:
        found, wanted = self.vectors(stored["samples"]), stored["vectors"]
        return min(least_cosine(found[:, at], wanted[:, at]) for at in self.slices.values())


def open_installed_sound(name: str, build: str) -> SoundEncoder:
    """An installed encoder of sound, by name; its graph is not loaded yet.

    Raises:
        UsageError: no such build of it is installed, or it is one of pictures.
    """
    encoder = SoundEncoder(there(name, build))
    _ = encoder.description
    return encoder
