"""Whether a window of sound holds speech: a linear gate on numbers of its spectrum, in numpy.

Speech comes and goes by syllables, deeply and in every band, where music holds on and noise stays
(Scheirer and Slaney 1997). Detectors of synthetic speech say nothing worth hearing of music and
noise, so what has no speech is not given to them.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.spectrum import BINS, RATE, power

SHIPPED = Path(__file__).parent / "models" / "speech" / "gate.npz"
BANDS = 24  # of equal width in octaves, from 60 Hz to 8 kHz
LOWEST_HZ = 60.0
FLOOR = 1e-6  # of a band's power
STEPS = (1, 10, 90, 99)  # percentiles of how a frame's level differs from the one before

Floats = NDArray[np.float32]


class Gate(NamedTuple):
    """Logistic regression on `features`; `threshold` is the least logit that counts as speech."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float
    threshold: float

    def __call__(self, windows: NDArray[np.int16]) -> Floats:
        """Logits of speech: int16 [n, m] → float32 [n]."""
        return self.logits(features(windows))

    def logits(self, values: Floats) -> Floats:
        """Of features: float32 [n, 28] → float32 [n]."""
        return np.asarray((values - self.mean) / self.scale @ self.weights + self.bias, np.float32)

    def speech(self, windows: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which windows hold speech: bool [n]."""
        return np.asarray(self(windows) >= self.threshold)


@cache
def shipped() -> Gate:
    """The gate in the package."""
    with np.load(SHIPPED) as file:
        return Gate(
            file["mean"],
            file["scale"],
            file["weights"],
            float(file["bias"]),
            float(file["threshold"]),
        )


def features(windows: NDArray[np.int16]) -> Floats:
    """What the gate looks at: int16 [n, m], m about 2 s → float32 [n, 28].

    The deviation of each band's level over time, and how fast the whole level rises and falls.
    """
    return np.stack([_features(power(one[None])[0]) for one in windows])


def _features(spectra: Floats) -> Floats:
    """Of a window's power spectra [frames, bins]: float32 [28]."""
    bands = np.log(np.stack([spectra[:, part].mean(1) for part in PARTS], 1) + FLOOR)
    steps = np.diff(np.log(spectra.mean(1) + FLOOR))
    return np.concatenate([bands.std(0), np.percentile(steps, STEPS)]).astype(np.float32)


def _parts() -> tuple[slice, ...]:
    """The bins of each band; the lowest have one bin each."""
    edges = np.round(np.geomspace(LOWEST_HZ, RATE / 2, BANDS + 1) / (RATE / 2) * (BINS - 1))
    edges = np.maximum(np.maximum.accumulate(edges), np.arange(BANDS + 1) + edges[0])
    return tuple(slice(int(first), int(last)) for first, last in pairwise(edges))


PARTS = _parts()
