"""Speech engines found on the machine, as generators: a window of what they say is a sample.

Nothing is learned. The checkpoint of a run holds the prompts and the engine's version, so that its
hash names both. An engine brings `missing()`, `version()`, `draw()` and `say()`.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import nn

from verascope.errors import InputTrouble, UsageError
from verascope.generate import parallel
from verascope.generate.activity import window
from verascope.generate.base import Base
from verascope.generate.contract import Budget, Config, Data, Item, Watch, item_rng
from verascope.generate.device import Device
from verascope.generate.prompts import prompts
from verascope.generate.run import RunFolder, read_weights
from verascope.generate.sounds import FULL, RATE, cut_origin, example_sounds, quantised
from verascope.generate.versions import options
from verascope.result import Modality

TIMEOUT_S = 30.0  # for a prompt of 400 characters
TRIES = 12  # prompts put together or tried before an engine is given up
CHARACTERS_S = 15  # of English that a voice says in a second
Seconds = Annotated[float, Meta(ge=0.5, le=20)]
Decibel = Annotated[float, Meta(ge=-100, le=0)]
Share = Annotated[float, Meta(ge=0.5, le=2)]


class SpeechConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all engines share; pairs are ends between which is drawn for each sample."""

    prompts: str = ""  # a text file, one a line; "": the data's transcripts, else our own sentences
    seconds: Seconds = 2.0  # of a sample, and of the real windows beside it
    pace: tuple[Share, Share] = (0.85, 1.2)  # of the engine's own
    level_db: tuple[Decibel, Decibel] = (-30.0, -16.0)  # root mean square, of full scale
    floor_db: tuple[Decibel, Decibel] = (-80.0, -55.0)  # of white noise: no recording is silent


class Said(NamedTuple):
    """What an engine said: floats [n], −1 to 1, at `rate` Hz."""

    wave: NDArray[np.floating[Any]]
    rate: int


class EngineError(Exception):
    """An engine made nothing of a prompt; the message says what it said."""


class Speech(Base):
    """A Sampler around one engine."""

    modality: ClassVar[Modality] = Modality.AUDIO
    config: SpeechConfig

    def __init__(self, config: SpeechConfig | None = None, device: Device | None = None) -> None:
        super().__init__(config, device)
        self._prompts: tuple[str, ...] = ()

    @classmethod
    def missing(cls) -> str | None:
        """How to install the engine, or None where it is there."""
        raise NotImplementedError

    def version(self) -> str:
        """The engine's version, as it says it."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> Any:
        """The voice of one sample; its string names it in the origin."""
        raise NotImplementedError

    def say(self, text: str, voice: Any) -> Said:
        """The text in that voice.

        Raises:
            EngineError: nothing came of it.
        """
        raise NotImplementedError

    def examples(self) -> list[Item]:
        """Eight drawn recordings, longer than a sample; see Generator."""
        return example_sounds(max(1.2, 1.5 * self.config.seconds))

    def network(self) -> nn.Module:
        """A module without parameters."""
        return nn.Identity()

    def train(
        self, data: Data, budget: Budget, *, seed: int, out: Path, watch: Watch | None = None
    ) -> Path:
        """Choose the prompts and write them as the checkpoint; nothing is learned.

        Raises:
            UsageError: the engine is not there, or the prompts cannot be read.
        """
        self.need()
        file = Path(self.config.prompts) if self.config.prompts else None
        facts = {"prompts": prompts(data, file), "engine": self.version()}
        content = np.frombuffer(msgspec.json.encode(facts), np.uint8).copy()
        made: Any = self  # a subclass is a Generator, this class alone is not
        how = options(made, data, budget, seed, self.device)
        with parallel.together(self.device.device), RunFolder(out, how) as run:
            run.log(event="started", step=0)
            run.save_weights(0, {"facts": torch.from_numpy(content)})
            run.log(event="done", step=0)
        self.load(run.checkpoint)
        return run.checkpoint

    def load(self, checkpoint: Path) -> None:
        """Take the prompts of a checkpoint; see Generator.

        Raises:
            UsageError: the engine is not there, or was another version.
        """
        weights = read_weights(checkpoint, self.name, self.config)
        facts = msgspec.json.decode(weights["facts"].numpy().tobytes())
        self.need()
        if facts["engine"] != self.version():
            raise UsageError(
                f"{checkpoint} is of {self.name} {facts['engine']}, here is {self.version()}:"
                " train it again into another folder"
            )
        self._prompts = tuple(facts["prompts"])
        self._loaded = self.network()

    @classmethod
    def need(cls) -> None:
        """Check that the engine is there.

        Raises:
            UsageError: it is not; says how to install it.
        """
        if (how := cls.missing()) is not None:
            raise UsageError(f"{cls.name} is not on this machine: {how}")

    def sample(self, n: int, seed: int, *, start: int = 0) -> Iterator[Item]:
        """Items `start` to `start + n - 1`; see Sampler."""
        self.ready()
        for key in range(start, start + n):
            rng = item_rng(seed, key)
            voice = self.draw(rng)
            media = self._recorded(self._utterance(voice, rng), rng)
            origin = f"{self.name} {self.version()}: {voice}"
            yield Item(media=media, key=key, source=self.name, kind="read-speech", origin=origin)

    def real(self, item: Item, rng: np.random.Generator) -> Item:
        """A window of the real item, as long as a sample and as full of speech; see Sampler."""
        start, end = window(item.media, self.samples, rng)
        origin = cut_origin(item.origin, start, end)
        return replace(item, media=item.media[start:end], origin=origin)

    @property
    def samples(self) -> int:
        """Length of a sample."""
        return round(self.config.seconds * RATE)

    def _utterance(self, voice: Any, rng: np.random.Generator) -> NDArray[np.int16]:
        """A window of prompts said one after another, enough of it active: int16 [samples]."""
        text, told = "", "it said nothing"
        for place in rng.permutation(np.arange(TRIES * len(self._prompts)) % len(self._prompts)):
            text = f"{text} {self._prompts[place]}".strip()
            if len(text) < CHARACTERS_S * self.config.seconds:
                continue
            try:
                media = at_rate(self.say(text, voice))
                start, end = window(media, self.samples, rng)
            except (EngineError, InputTrouble) as error:
                told = str(error)
                if len(text) > TRIES * CHARACTERS_S * self.config.seconds:
                    break
                continue
            return media[start:end]
        raise UsageError(f"{self.name} ({voice}) made nothing of {text[:80]!r}: {told}")

    def _recorded(self, media: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
        """At a drawn level, never clipped, over a drawn noise floor, as recordings are."""
        wave = media / FULL
        level, floor = (
            10 ** (rng.uniform(*ends) / 20) for ends in (self.config.level_db, self.config.floor_db)
        )
        wave *= min(level / np.sqrt(np.mean(wave**2)), 0.99 / np.abs(wave).max())
        return quantised(wave + rng.normal(0, floor, len(wave)))


class Program(Speech):
    """An engine that is one program of a Debian package of the same name, with voices to draw.

    A subclass brings `program`, the `pattern` of its version in what `--version` prints, `draw`
    and `say`.
    """

    program: ClassVar[str]
    pattern: ClassVar[str]

    @classmethod
    def missing(cls) -> str | None:
        """See Speech."""
        return None if shutil.which(cls.program) else f"apt-get install {cls.program}"

    def version(self) -> str:
        """See Speech."""
        return version_of((self.program, "--version"), self.pattern)


def at_rate(said: Said) -> NDArray[np.int16]:
    """What was said as int16 [n] at 16 kHz.

    Raises:
        EngineError: nothing was said, or all of it is silent.
    """
    import soxr

    if not len(said.wave) or not np.abs(said.wave).max() > 0:
        raise EngineError("silence")
    wave = np.asarray(said.wave, np.float64)
    return quantised(wave if said.rate == RATE else soxr.resample(wave, said.rate, RATE, "HQ"))


def run_program(command: Sequence[str], text: str, timeout_s: float = TIMEOUT_S) -> Said:
    """What a program wrote: `{text}` and `{wav}` in the command are files in a folder of its own.

    Raises:
        EngineError: it failed, took too long or wrote no sound.
    """
    import soundfile

    with tempfile.TemporaryDirectory(prefix="verascope-speech-") as folder:
        places = {"{text}": f"{folder}/text.txt", "{wav}": f"{folder}/said.wav"}
        Path(places["{text}"]).write_text(text + "\n", encoding="utf-8")
        try:
            done = subprocess.run(
                [places.get(word, word) for word in command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
            if done.returncode:
                raise EngineError(done.stderr.decode(errors="replace").strip()[-200:])
            wave, rate = soundfile.read(places["{wav}"], dtype="float64")
        except (OSError, subprocess.TimeoutExpired, soundfile.SoundFileError) as error:
            raise EngineError(str(error)) from error
    return Said(wave if wave.ndim == 1 else wave.mean(1), rate)


@cache
def version_of(command: tuple[str, ...], pattern: str) -> str:
    """The first group of the pattern in what a program prints; "unknown" where it is not there."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    found = re.search(pattern, done.stdout.decode(errors="replace"))
    return found[1] if found else "unknown"
