"""Mel inversion by Griffin and Lim: find a phase that fits a magnitude, round by round.

Griffin and Lim 1984; the fast variant of Perraudin, Balazs and Søndergaard 2013. It was the vocoder
of Tacotron (Wang 2017) and is still what simple synthesisers end in.
"""

from dataclasses import replace
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor

from verascope.generate.contract import Card, Config, Item
from verascope.generate.device import pick
from verascope.generate.fixed import Fixed, between, one_of
from verascope.generate.mel import mel_filters
from verascope.generate.sound_base import as_wave, to_samples

Count = Annotated[int, Meta(ge=0)]
Size = Annotated[int, Meta(ge=64, multiple_of=2)]
Share = Annotated[float, Meta(ge=0, lt=1)]
FLOOR = 1e-5  # of a magnitude that a mel spectrum's pseudo-inverse makes


class GriffinLimConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is drawn for each item; a tuple of one pins it."""

    sizes: tuple[Size, ...] = (512, 800, 1024, 2048)  # of a frame, samples
    # Samples. 186 and 171 are the hops of 22.05 and 24 kHz vocoders (256) brought to 16 kHz.
    hops: tuple[Annotated[int, Meta(ge=8)], ...] = (64, 128, 160, 171, 186, 200, 256)
    mels: tuple[Count, ...] = (40, 64, 80, 80, 100, 128, 0)  # bands; 0 = the magnitudes themselves
    high_hz: tuple[Annotated[float, Meta(ge=1000, le=8000)], ...] = (7600.0, 8000.0, 8000.0)
    rounds: tuple[Count, Count] = (16, 64)  # both ends included
    momentum: tuple[Share, Share] = (0.0, 0.99)  # Perraudin's α; 0 = Griffin and Lim's own


class Draw(NamedTuple):
    """What an item is made with; frames in samples."""

    size: int
    hop: int
    mels: int
    high_hz: float
    rounds: int
    momentum: float


class GriffinLim(Fixed):
    """Copy-synthesis of recordings of any length."""

    name: ClassVar[str] = "griffin-lim"
    family: ClassVar[str] = "vocoder"
    config_type: ClassVar[type[GriffinLimConfig]] = GriffinLimConfig
    card: ClassVar[Card] = Card(
        summary="A recording's mel spectrum turned back into sound, its phase guessed.",
        papers=(
            "Griffin and Lim 1984, IEEE TASSP 32(2)",
            "Perraudin, Balazs and Søndergaard 2013, WASPAA",
        ),
        good_for="Twins of recordings with the words, voice and timing of the original, without"
        " any training; a different frame, hop and mel for each.",
        traces="Smeared onsets, a phase that fits no source, the loss of detail between mel bands.",
        limits="Newer vocoders leave other traces: mix it with neural ones. Few rounds sound"
        " metallic, and a detector finds those first.",
        cost="No training.",
    )

    config: GriffinLimConfig

    @classmethod
    def tiny(cls) -> "GriffinLim":
        """Small frames and few rounds."""
        few = GriffinLimConfig(sizes=(256, 512), hops=(64, 100), mels=(40, 0), rounds=(2, 4))
        return cls(few, pick("cpu"))

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin, at its level."""
        draw = self.draw(rng)
        phase = rng.uniform(0, 2 * np.pi, (draw.size // 2 + 1, len(item.media) // draw.hop + 1))
        with torch.inference_mode():
            wave = as_wave(item.media, self.device)[0, 0]
            magnitude = _through_mel(_stft(wave, draw).abs(), draw)
            first = torch.polar(magnitude, torch.from_numpy(phase).to(magnitude))
            made = invert(magnitude, first, draw, len(wave))
        return replace(item, media=to_samples(made, like=item.media))

    def draw(self, rng: np.random.Generator) -> Draw:
        """One of the config's settings. A hop is at most half a frame, else nothing overlaps."""
        config = self.config
        size = one_of(rng, config.sizes)
        hop = one_of(rng, tuple(h for h in config.hops if 2 * h <= size) or (size // 4,))
        return Draw(
            size=size,
            hop=hop,
            mels=one_of(rng, config.mels),
            high_hz=config.high_hz[int(rng.integers(len(config.high_hz)))],
            rounds=int(rng.integers(config.rounds[0], config.rounds[1] + 1)),
            momentum=between(rng, config.momentum),
        )


def invert(magnitude: Tensor, first: Tensor, draw: Draw, length: int) -> Tensor:
    """The wave, float [length], whose spectrum comes near a magnitude.

    Args:
        magnitude: float [size/2 + 1, frames].
        first: complex, of the same shape: the magnitude with the phase to start from.
        draw: frames, rounds and momentum.
        length: samples.
    """
    t = before = first
    for _ in range(draw.rounds):
        # c_n = P_C1(P_C2(t_{n−1})): the nearest spectrum of any wave to s·e^{i∠t}
        c = _stft(_istft(_with_phase(magnitude, t), draw, length), draw)
        # t_n = c_n + α (c_n − c_{n−1})
        t = c + draw.momentum * (c - before)
        before = c
    return _istft(_with_phase(magnitude, t), draw, length)


def _with_phase(magnitude: Tensor, spectrum: Tensor) -> Tensor:
    return magnitude * spectrum / spectrum.abs().clamp_min(1e-9)


def _through_mel(magnitude: Tensor, draw: Draw) -> Tensor:
    """What is left of a magnitude [bins, frames] in mel bands, by their pseudo-inverse."""
    if draw.mels == 0:
        return magnitude
    filters = mel_filters(draw.mels, draw.size, high_hz=draw.high_hz)
    there_and_back = torch.from_numpy(np.linalg.pinv(filters) @ filters).to(magnitude)
    return (there_and_back @ magnitude).clamp_min(FLOOR)


def _stft(wave: Tensor, draw: Draw) -> Tensor:
    return torch.stft(
        wave,
        draw.size,
        draw.hop,
        window=_window(wave, draw),
        pad_mode="constant",
        return_complex=True,
    )


def _istft(spectrum: Tensor, draw: Draw, length: int) -> Tensor:
    window = _window(spectrum.real, draw)
    return torch.istft(spectrum, draw.size, draw.hop, window=window, length=length)


def _window(like: Tensor, draw: Draw) -> Tensor:
    return torch.hann_window(draw.size, device=like.device)
