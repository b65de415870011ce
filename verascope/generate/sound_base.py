"""What the built-in generators of sound share, beside base.Base: tensors, levels, pictures of it.

Media of an audio Item are int16 [n], mono, 16 kHz. A Transformer brings `counterpart()`, a Sampler
from latents `decode()`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verascope.errors import InputTrouble
from verascope.generate.base import Base, LatentSampler
from verascope.generate.contract import Array, Item, item_rng
from verascope.generate.device import Device
from verascope.generate.sounds import FULL, RATE, cut_origin, example_sounds, quantised
from verascope.result import Modality, Reason

FLOOR_DB = -80.0  # of a spectrogram, below its loudest place


class SoundTransformer(Base):
    """A Transformer that takes recordings one by one."""

    modality: ClassVar[Modality] = Modality.AUDIO

    @property
    def aligned(self) -> bool:
        """Whether its outputs are meant as twins of the same timing; copy-synthesis is."""
        return True

    def examples(self) -> list[Item]:
        """Eight drawn recordings of 1.2 s; see Generator."""
        return example_sounds()

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """What it makes of one item, of exactly its length; `rng` is the item's own."""
        raise NotImplementedError

    def transform(self, items: Iterable[Item], seed: int) -> Iterator[Item]:
        """Each item's counterpart, in order; see Transformer."""
        for item in items:
            self.ready()
            yield self.counterpart(item, item_rng(seed, item.key))


class LatentSound(LatentSampler):
    """A Sampler of short sounds from normal latents; the config has `samples` and `latent`."""

    modality: ClassVar[Modality] = Modality.AUDIO

    @property
    def samples(self) -> int:
        """Length of a sound; the config's `samples`."""
        return int(self._options.samples)

    def examples(self) -> list[Item]:
        """Eight drawn recordings, longer than a sample; see Generator."""
        return example_sounds(max(1.2, 1.5 * self.samples / RATE))

    def media(self, decoded: Tensor) -> Iterable[Array]:
        """Waves [n, 1, samples], −1 to 1, as int16 [samples] each."""
        return [to_samples(wave) for wave in decoded]

    def real(self, item: Item, rng: np.random.Generator) -> Item:
        """A random clip of the real item, as the discriminator saw them; see Sampler."""
        if len(item.media) < self.samples:
            raise InputTrouble(Reason.TOO_SHORT)
        start = int(rng.integers(len(item.media) - self.samples + 1))
        end = start + self.samples
        origin = cut_origin(item.origin, start, end)
        return replace(item, media=item.media[start:end], origin=origin)


def from_samples(batch: Tensor) -> Tensor:
    """int16 [n, samples] to float32 [n, 1, samples], −1 to 1."""
    return batch[:, None].float() / FULL


def as_wave(media: Array, device: Device) -> Tensor:
    """int16 [n] to float32 [1, 1, n], −1 to 1, on the device."""
    return from_samples(torch.from_numpy(media[None].copy()).to(device.device))


def to_samples(wave: Tensor, like: Array | None = None) -> NDArray[np.int16]:
    """Floats −1 to 1 of any shape with n values to int16 [n], at the level of `like` if given."""
    samples = wave.detach().float().cpu().numpy().ravel().astype(np.float64)
    return quantised(samples if like is None else match_level(samples, like))


def match_level(wave: NDArray[Any], like: Array) -> NDArray[np.float64]:
    """A wave (floats [n]) scaled to the root mean square of `like` (int16), but never clipped."""
    own = float(np.sqrt(np.mean(np.square(wave)))) if len(wave) else 0.0
    if own == 0:
        return np.asarray(wave, np.float64)
    wanted = float(np.sqrt(np.mean(np.square(like.astype(np.float64))))) / FULL
    peak = float(np.abs(wave).max())
    return np.asarray(wave * min(wanted / own, (1 - 1 / FULL) / peak), np.float64)


def spectrogram(media: Array, size: int = 256, hop: int = 64) -> NDArray[np.uint8]:
    """A picture of int16 [n]: uint8 [size/2, frames, 3], low at the bottom, 0 to −80 dB, in grey.

    `size` and `hop` in samples.
    """
    wave = np.pad(media / FULL, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2
    decibel = 10 * np.log10(power + 1e-12)
    grey = np.clip(1 - (decibel - decibel.max()) / FLOOR_DB, 0, 1)
    picture = np.rint(255 * grey.T[::-1]).astype(np.uint8)
    return np.repeat(picture[:, :, None], 3, axis=2)


def sheet(waves: Tensor) -> NDArray[np.uint8]:
    """The spectrograms of a few waves [n, 1, samples] (−1 to 1) below one another, for previews."""
    return np.concatenate([spectrogram(to_samples(wave)) for wave in waves])
