"""Flite: Festival's small sister, mostly recorded units joined to one another."""

from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from msgspec import Meta

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.speech import Program, Said, SpeechConfig, run_program

VoiceName = Literal["kal", "kal16", "awb", "rms", "slt"]


class FliteConfig(SpeechConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Its English voices. `kal` has 8 kHz: a narrow band would be a label, so it is not drawn."""

    voices: Annotated[tuple[VoiceName, ...], Meta(min_length=1)] = ("kal16", "awb", "rms", "slt")


class Voice(NamedTuple):
    """What a sample is said in; `stretch` is the length of a sound, of the voice's own."""

    name: str
    stretch: float

    def __str__(self) -> str:
        return f"{self.name}, stretch {self.stretch}"


class Flite(Program):
    """Samples of Flite."""

    name: ClassVar[str] = "flite"
    family: ClassVar[str] = "concatenative"
    program: ClassVar[str] = "flite"
    pattern: ClassVar[str] = r"version: flite-(\S+)"
    config_type: ClassVar[type[FliteConfig]] = FliteConfig
    card: ClassVar[Card] = Card(
        summary="English prompts said by Flite, where the program is installed.",
        papers=("Black and Lenzo 2001, Flite: a small fast run-time synthesis engine",),
        good_for="Diphones (`kal16`) and statistical parametric voices (`awb`, `rms`, `slt`), as in"
        " telephone menus.",
        traces="Joints between units, flat pitch, a buzz of pulses in the parametric voices.",
        limits="Four voices, English only. No real twin says the same words.",
        cost="No training; 0.1 s a sample.",
    )

    config: FliteConfig

    @classmethod
    def tiny(cls) -> "Flite":
        """Half a second each, by the quickest voice."""
        return cls(FliteConfig(seconds=0.5, voices=("kal16",)), pick("cpu"))

    def draw(self, rng: np.random.Generator) -> Voice:
        """One of the config's voices and its pace."""
        name = self.config.voices[int(rng.integers(len(self.config.voices)))]
        return Voice(name, round(1 / rng.uniform(*self.config.pace), 3))

    def say(self, text: str, voice: Voice) -> Said:
        """See Speech."""
        how = ("-voice", voice.name, "--setf", f"duration_stretch={voice.stretch}")
        return run_program([self.program, *how, "-f", "{text}", "-o", "{wav}"], text)
