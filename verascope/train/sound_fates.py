"""What happens to a window of sound before it is trained on: twins share the draw, so the fate.

Level is equalised before noise is added and again by the front end; silence at a recording's ends
is cut off; codec, band limit and noise are drawn without regard to the class.
"""

import numpy as np
from numpy.typing import NDArray

from verascope.detect.sound_windows import LENGTH
from verascope.detect.spectrum import RATE, RMS, level
from verascope.generate import codecs
from verascope.generate.sounds import quantised
from verascope.train.audio_recipe import AudioRecipe

Samples = NDArray[np.int16]
QUIET = 0.02  # of the peak: below it, at either end, is silence
BAND_HZ = (3400.0, 7800.0)
NOISE_DB = (-50.0, -20.0)  # against the window's level


def training_window(samples: Samples, recipe: AudioRecipe, rng: np.random.Generator) -> Samples:
    """A window of a recording after a drawn fate: int16 [n] → int16 [32000].

    The draw takes as many numbers whatever the recording, so that twins of different length share
    everything but the exact offset, which is the same part of what there is.
    """
    place, trip, band, noise, cutoff, floor = rng.random(6)
    name = codecs.CODECS[int(rng.integers(len(codecs.CODECS)))]
    way = codecs.draw(name, rng)
    hiss = rng.standard_normal(LENGTH)
    window = _window(trimmed(samples), place)
    wave = level(window[None])[0].astype(np.float64)
    if noise < recipe.noise:
        wave += hiss * RMS * 10 ** ((NOISE_DB[0] + floor * (NOISE_DB[1] - NOISE_DB[0])) / 20)
    if band < recipe.band:
        spectrum = np.fft.rfft(wave)
        above = BAND_HZ[0] + cutoff * (BAND_HZ[1] - BAND_HZ[0])
        spectrum[round(above * LENGTH / RATE) :] = 0
        wave = np.fft.irfft(spectrum, LENGTH)
    made = quantised(wave)
    return codecs.travel(made, way) if trip < recipe.codec else made


def trimmed(samples: Samples) -> Samples:
    """Without the silence at both ends."""
    loud = np.abs(samples.astype(np.int32))
    heard = np.flatnonzero(loud > QUIET * max(1, loud.max()))
    return samples[heard[0] : heard[-1] + 1] if len(heard) else samples


def _window(samples: Samples, place: float) -> Samples:
    if len(samples) <= LENGTH:
        return np.resize(samples, LENGTH)
    start = round(place * (len(samples) - LENGTH))
    return samples[start : start + LENGTH]
