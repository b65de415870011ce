"""`spectral`, the small encoder of sound in the package: texture, and PLCMOS's convolutions.

Both front ends are numpy; the three convolutions (92,672 weights, MIT) run as ONNX. 100 times as
fast as the sound on one core, so the fast tier stands on it.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect.sound_encoder import SoundEncoder
from verascope.detect.spectrum import log_power
from verascope.detect.texture import WIDTH, texture

NAME = "spectral"
SHIPPED = Path(__file__).parent / "models" / NAME
TAPS = {"texture": WIDTH, "bands": 1024}  # to the length of each vector


class SpectralEncoder(SoundEncoder):
    """See SoundEncoder; the graph takes log power spectra, float32 [n, frames, 257]."""

    def _run(self, one: NDArray[np.int16]) -> NDArray[np.float32]:
        bands = self._session.run(["vectors"], {"spectra": log_power(one[None])})[0]
        return np.concatenate([texture(one[None]), np.asarray(bands, np.float32)], axis=1)
