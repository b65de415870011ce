"""The sound front end that training and scanning share: samples to log power spectra, in numpy.

Frames of 32 ms every 16 ms under a Hamming window, 257 bins from 0 to 8 kHz; log power over 20, as
the convolutions of PLCMOS want it (Diener et al. 2023), which `audio-spectral` stands on. Level is
equalised first, for both classes alike: how loud a recording is tells nothing of its making.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE = 16_000  # samples a second
FRAME, HOP = 512, 256  # samples
BINS = FRAME // 2 + 1
RMS = 0.05  # of full scale, that every window is brought to
FLOOR = 1e-10  # of power
SCALE = 20.0
WINDOW = np.hamming(FRAME + 1)[:-1].astype(np.float32)  # periodic


def level(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Samples int16 [n, m] to float32 [n, m] without offset, each row's RMS at 0.05."""
    wave = samples.astype(np.float32) / 32768
    wave -= wave.mean(-1, keepdims=True)
    power = np.square(wave).mean(-1, keepdims=True)
    leveled: NDArray[np.float32] = wave * (RMS / np.sqrt(power + 1e-12))
    return leveled


def power(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Power spectra of windows of samples, at one level.

    Args:
        samples: int16 [n, m], mono, 16 kHz.

    Returns:
        float32 [n, ceil(m / 256), 257]: |STFT|²; the first frame is centred on the first sample's
        edge, zeros before it and after the last.
    """
    wave = level(samples)
    frames = -(-wave.shape[1] // HOP)
    after = (frames - 1) * HOP + FRAME - HOP - wave.shape[1]
    padded = np.pad(wave, ((0, 0), (HOP, max(0, after))))
    cut = sliding_window_view(padded, FRAME, axis=1)[:, ::HOP][:, :frames]
    spectrum = np.fft.rfft(cut * WINDOW, axis=-1)
    found: NDArray[np.float32] = (spectrum.real**2 + spectrum.imag**2).astype(
        np.float32, copy=False
    )
    return found


def log_power(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The same as ln(max(power, 1e-10)) / 20: int16 [n, m] → float32 [n, ceil(m / 256), 257]."""
    return (np.log(np.maximum(power(samples), FLOOR)) / SCALE).astype(np.float32)
