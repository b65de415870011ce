"""espeak-ng: speech by rule, vowels as sums of sines under drawn formants."""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from msgspec import Meta

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.speech import Program, Said, SpeechConfig, run_program

PACE_WPM = 165
VoiceName = Annotated[str, Meta(pattern=r"^[a-z][A-Za-z0-9+-]*$")]


class EspeakNgConfig(SpeechConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Voices as `espeak-ng --voices` lists them, with variants; their language is the prompts'."""

    voices: Annotated[tuple[VoiceName, ...], Meta(min_length=1)] = (
        *("en-us", "en-us+m2", "en-us+m5", "en-us+f2", "en-us+f4"),
        *("en-gb", "en-gb+m3", "en-gb+f3", "en-gb-scotland", "en-gb-x-rp"),
    )
    pitch: tuple[Annotated[int, Meta(ge=0, le=99)], Annotated[int, Meta(ge=0, le=99)]] = (25, 75)


class Voice(NamedTuple):
    """What a sample is said in; pace in words a minute."""

    name: str
    pace: int
    pitch: int

    def __str__(self) -> str:
        return f"{self.name}, {self.pace} words a minute, pitch {self.pitch}"


class EspeakNg(Program):
    """Samples of espeak-ng."""

    name: ClassVar[str] = "espeak-ng"
    family: ClassVar[str] = "formant"
    program: ClassVar[str] = "espeak-ng"
    pattern: ClassVar[str] = r"text-to-speech: (\S+)"
    config_type: ClassVar[type[EspeakNgConfig]] = EspeakNgConfig
    card: ClassVar[Card] = Card(
        summary="Prompts said by espeak-ng, where the program is installed.",
        papers=("Klatt 1980, JASA 67(3), for formant synthesis; espeak-ng has no paper",),
        good_for="The oldest kind of synthetic speech, still what screen readers and games use;"
        " over a hundred languages.",
        traces="Formants on straight lines, pulses without jitter, the same vowel every time.",
        limits="Easy: a detector that knows only this knows nothing of neural speech. No real twin"
        " says the same words.",
        cost="No training; 0.05 s a sample.",
    )

    config: EspeakNgConfig

    @classmethod
    def tiny(cls) -> "EspeakNg":
        """Half a second each."""
        return cls(EspeakNgConfig(seconds=0.5), pick("cpu"))

    def draw(self, rng: np.random.Generator) -> Voice:
        """One of the config's voices, its pace and pitch."""
        name = self.config.voices[int(rng.integers(len(self.config.voices)))]
        low, high = self.config.pitch
        pace = round(PACE_WPM * rng.uniform(*self.config.pace))
        return Voice(name, pace, int(rng.integers(low, high + 1)))

    def say(self, text: str, voice: Voice) -> Said:
        """See Speech."""
        how = ("-v", voice.name, "-s", str(voice.pace), "-p", str(voice.pitch))
        return run_program([self.program, *how, "-f", "{text}", "-w", "{wav}"], text)
