"""A detector of sound that is a network of its own on log power spectra, not heads on encoders."""

import numpy as np
from numpy.typing import NDArray

from verascope.detect.model_folder import TapsUse
from verascope.detect.sound_heads import SoundHeads
from verascope.detect.spectrum import log_power


class AudioNetwork(SoundHeads):
    """A model folder of `verascope train audio`; windows, pooling and gate as of the heads."""

    def vectors(self, windows: NDArray[np.int16]) -> NDArray[np.float32]:
        """Log power spectra, which the graph takes: int16 [n, 32000] → float32 [n, 125, 257]."""
        return log_power(windows)

    @property
    def _uses(self) -> tuple[TapsUse, ...]:
        return ()
