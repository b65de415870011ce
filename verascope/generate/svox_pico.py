"""SVOX Pico, the voice of older Android telephones, from the package py-nanotts."""

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from msgspec import Meta

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.sounds import FULL, RATE
from verascope.generate.speech import EngineError, Said, Share, Speech, SpeechConfig

VoiceName = Literal["en-GB", "en-US", "de-DE", "es-ES", "fr-FR", "it-IT"]


class SvoxPicoConfig(SpeechConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Voices, one a language; theirs is the prompts'."""

    voices: Annotated[tuple[VoiceName, ...], Meta(min_length=1)] = ("en-GB", "en-US")
    pitch: tuple[Share, Share] = (0.85, 1.25)


class Voice(NamedTuple):
    """What a sample is said in; speed and pitch are shares of the voice's own."""

    name: str
    speed: float
    pitch: float

    def __str__(self) -> str:
        return f"{self.name}, speed {self.speed}, pitch {self.pitch}"


class SvoxPico(Speech):
    """Samples of SVOX Pico."""

    name: ClassVar[str] = "svox-pico"
    family: ClassVar[str] = "parametric"
    config_type: ClassVar[type[SvoxPicoConfig]] = SvoxPicoConfig
    card: ClassVar[Card] = Card(
        summary="Prompts said by SVOX Pico, where the package py-nanotts is installed.",
        papers=("Zen, Tokuda and Black 2009, Speech Communication 51(11), for its kind",),
        good_for="Statistical parametric speech in six languages, as older telephones and"
        " navigation systems speak.",
        traces="Smooth, buzzing spectra; few moods.",
        limits="One voice a language. No real twin says the same words.",
        cost="No training; 0.1 s a sample.",
    )

    config: SvoxPicoConfig

    @classmethod
    def tiny(cls) -> "SvoxPico":
        """Half a second each."""
        return cls(SvoxPicoConfig(seconds=0.5), pick("cpu"))

    @classmethod
    def missing(cls) -> str | None:
        """See Speech."""
        return None if find_spec("py_nanotts") else "pip install py-nanotts"

    def version(self) -> str:
        """See Speech."""
        return version("py-nanotts")

    def draw(self, rng: np.random.Generator) -> Voice:
        """One of the config's voices, its speed and pitch."""
        name = self.config.voices[int(rng.integers(len(self.config.voices)))]
        speed, pitch = rng.uniform(*self.config.pace), rng.uniform(*self.config.pitch)
        return Voice(name, round(float(speed), 3), round(float(pitch), 3))

    def say(self, text: str, voice: Voice) -> Said:
        """See Speech."""
        try:
            said = _engine().speak(text, voice=voice.name, speed=voice.speed, pitch=voice.pitch)
        except (RuntimeError, ValueError) as error:
            raise EngineError(str(error)) from error
        return Said(np.frombuffer(said, "<i2") / FULL, RATE)


@cache
def _engine() -> Any:
    from py_nanotts import NanoTTS

    return NanoTTS()
