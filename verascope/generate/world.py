"""WORLD copy-synthesis: pitch, spectral envelope and aperiodicity of a voice, put together again.

Morise, Yokomori and Ozawa 2016 (IEICE E99-D(7)); envelope CheapTrick (Morise 2015), aperiodicity
D4C (Morise 2016), pitch DIO with StoneMask or Harvest. The source-filter vocoder of parametric
speech synthesis and of many voice conversions.
"""

import importlib.util
from dataclasses import replace
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from verascope.errors import MissingExtraError
from verascope.generate.contract import Array, Card, Config, Item
from verascope.generate.device import pick
from verascope.generate.fixed import Fixed, between, one_of
from verascope.generate.sound_base import match_level
from verascope.generate.sounds import FULL, RATE, quantised

Floats = NDArray[np.float64]
Pitch = Literal["dio", "harvest"]
Warp = Annotated[float, Meta(gt=-0.5, lt=0.5)]


class WorldConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is drawn for each item; a tuple of one pins it."""

    dims: tuple[Annotated[int, Meta(ge=0, le=120)], ...] = (24, 30, 40, 50, 60, 0)  # 0 = uncoded
    frame_ms: tuple[Annotated[float, Meta(ge=1, le=20)], ...] = (5.0, 5.0, 8.0, 10.0)
    pitch: tuple[Pitch, ...] = ("dio", "dio", "harvest")  # Harvest takes four times as long
    pitch_semitones: tuple[float, float] = (0.0, 0.0)  # the voice moved up by this
    # Formants moved up by this share; twins that keep the voice have 0.
    warp: tuple[Warp, Warp] = (0.0, 0.0)


class Draw(NamedTuple):
    """What an item is made with."""

    dims: int
    frame_ms: float
    pitch: Pitch
    semitones: float
    warp: float


class World(Fixed):
    """Copy-synthesis of voices; anything else comes out as what a voice could make of it."""

    name: ClassVar[str] = "world"
    family: ClassVar[str] = "vocoder"
    config_type: ClassVar[type[WorldConfig]] = WorldConfig
    card: ClassVar[Card] = Card(
        summary="A voice taken apart into pitch, envelope and noise, and put together again.",
        papers=(
            "Morise, Yokomori and Ozawa 2016, IEICE Trans. E99-D(7)",
            "Morise 2015, Speech Communication 67 (CheapTrick)",
            "Morise 2016, Speech Communication 84 (D4C)",
        ),
        good_for="Twins of speech with the words, voice and timing of the original, without any"
        " training: what parametric synthesis and voice conversion sound like.",
        traces="Pulses of one shape, a smooth envelope, noise that follows the pulses.",
        limits="Made for one voice at a time: music and noise are lost. Needs pyworld.",
        cost="No training.",
    )

    config: WorldConfig

    @classmethod
    def tiny(cls) -> "World":
        """Wide frames and few dimensions."""
        return cls(WorldConfig(dims=(24,), frame_ms=(10.0,), pitch=("dio",)), pick("cpu"))

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin, at its level."""
        made = resynthesised(item.media, self.draw(rng))
        return replace(item, media=quantised(match_level(made, item.media)))

    def draw(self, rng: np.random.Generator) -> Draw:
        """One of the config's settings."""
        config = self.config
        return Draw(
            dims=one_of(rng, config.dims),
            frame_ms=config.frame_ms[int(rng.integers(len(config.frame_ms)))],
            pitch=config.pitch[int(rng.integers(len(config.pitch)))],
            semitones=between(rng, config.pitch_semitones),
            warp=between(rng, config.warp),
        )


def resynthesised(media: Array, draw: Draw) -> Floats:
    """What WORLD makes of int16 [n]: floats [n]."""
    pyworld = library()
    # A trace of noise: WORLD's envelopes are undefined where there is nothing at all.
    wave = media / FULL + np.random.default_rng(0).normal(0, 1e-6, len(media))
    f0, at = getattr(pyworld, draw.pitch)(wave, RATE, frame_period=draw.frame_ms)
    if draw.pitch == "dio":
        f0 = pyworld.stonemask(wave, f0, at, RATE)
    envelope = pyworld.cheaptrick(wave, f0, at, RATE)
    aperiodicity = pyworld.d4c(wave, f0, at, RATE)
    if draw.dims:
        size = 2 * (envelope.shape[1] - 1)
        coded = pyworld.code_spectral_envelope(envelope, RATE, draw.dims)
        envelope = pyworld.decode_spectral_envelope(coded, RATE, size)
    if draw.warp:
        envelope = warped(envelope, draw.warp)
    f0 = f0 * 2 ** (draw.semitones / 12)
    made = pyworld.synthesize(f0, envelope, aperiodicity, RATE, frame_period=draw.frame_ms)
    return np.asarray(np.pad(made, (0, max(0, len(media) - len(made))))[: len(media)])


@cache
def library() -> Any:
    """The compiled part of pyworld by itself.

    Its __init__ asks setuptools for its version through pkg_resources, which new ones lack.

    Raises:
        MissingExtraError: it is not installed.
    """
    found = importlib.util.find_spec("pyworld")
    folders = list(found.submodule_search_locations or ()) if found else []
    files = [Path(f) / f"pyworld{suffix}" for f in folders for suffix in EXTENSION_SUFFIXES]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise MissingExtraError("pyworld", "train")
    spec = importlib.util.spec_from_file_location("pyworld.pyworld", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def warped(envelope: Floats, share: float) -> Floats:
    """Envelopes [frames, bins] with every formant moved up by the share."""
    bins = np.arange(envelope.shape[1])
    moved = [np.interp(bins / (1 + share), bins, np.log(frame)) for frame in envelope]
    return np.ascontiguousarray(np.exp(moved))
