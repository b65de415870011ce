"""The invisible watermark of image generators: found where it is, and nowhere else."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Command
from tests.test_third_party import install
from verascope.media.picture import Pixels
from verascope.provenance.marks import evidence
from verascope.provenance.watermark import WORDS, Word, watermarks
from verascope.result import Strength, Supports


def write(pixels: Pixels, word: Word) -> Pixels:
    """Mark a picture as the package invisible-watermark does, method dwtDct.

    Written anew here: a block's largest coefficient but the first moves to a quarter or three
    quarters of its step, in the colour difference U.
    """
    height, width = (side // 8 * 8 for side in pixels.shape[:2])
    rgb = pixels[:height, :width].astype(np.float64)
    brightness = rgb @ (0.299, 0.587, 0.114)
    u, v = (rgb[..., 2] - brightness) * 0.492 + 128, (rgb[..., 0] - brightness) * 0.877
    low = u.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3)) / 2
    bits, number = word.bits, 0
    for row in range(0, height // 2, 4):
        for column in range(0, width // 2, 4):
            block = low[row : row + 4, column : column + 4].reshape(-1)
            at = 1 + int(np.argmax(np.abs(block[1:])))
            bit = int(bits[number % len(bits)])
            moved = (abs(block[at]) // 36 + 0.25 + 0.5 * bit) * 36 - abs(block[at])
            y, x = 2 * (row + at // 4), 2 * (column + at % 4)
            u[y : y + 2, x : x + 2] += moved / 2 * (1 if block[at] >= 0 else -1)
            number += 1
    blue = (u - 128) / 0.492 + brightness
    red = v / 0.877 + brightness
    green = (brightness - 0.299 * red - 0.114 * blue) / 0.587
    return np.stack((red, green, blue), axis=2).round().clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photographs(examples: Path) -> list[Pixels]:
    files = sorted((examples / "photographs").iterdir())
    return [np.asarray(Image.open(file).convert("RGB")) for file in files]


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.program)
def test_it_is_found_where_it_is(word: Word, photographs: list[Pixels]) -> None:
    found = [watermarks(write(pixels, word)) for pixels in photographs]
    named = [mark.value for marks in found for mark in marks]
    assert len(named) >= len(photographs) - 2  # clipped colours lose it, and the short word first
    assert all(value.startswith(word.program + ":") for value in named)


def test_it_is_found_nowhere_else(photographs: list[Pixels]) -> None:
    assert [watermarks(pixels) for pixels in photographs] == [()] * len(photographs)
    for flat in (0, 90, 255):
        assert watermarks(np.full((300, 300, 3), flat, np.uint8)) == ()


@pytest.mark.parametrize("size", [(255, 255), (1, 1), (3, 100_000)])
def test_pictures_that_hold_none(size: tuple[int, int]) -> None:
    assert watermarks(np.zeros((*size, 3), np.uint8)) == ()


def test_a_platform_removes_it(photographs: list[Pixels]) -> None:
    """Which is why a miss says nothing."""
    out = io.BytesIO()
    Image.fromarray(write(photographs[0], WORDS[0])).save(out, "JPEG", quality=75)
    assert watermarks(np.asarray(Image.open(out))) == ()


def test_it_is_weak_evidence(photographs: list[Pixels]) -> None:
    (item,) = evidence(watermarks(write(photographs[0], WORDS[0])))
    assert (item.supports, item.strength) == (Supports.SYNTHETIC, Strength.WEAK)
    assert "not signed" in item.statement


def test_a_scan_looks_for_it_only_when_asked(
    photographs: list[Pixels],
    tmp_path: Path,
    verascope: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = tmp_path / "marked.png"
    Image.fromarray(write(photographs[0], WORDS[2])).save(path)
    arguments = ("scan", path, "--detector", "noise-level", "--format", "jsonl", "--exit-zero")
    silent = json.loads(verascope(*arguments).out)
    asked = json.loads(verascope(*arguments, "--watermarks").out)
    kinds = [item["details"].get("mark") for item in asked["evidence"]]
    assert "invisible_watermark" in kinds and "watermarks" in asked["timing"]
    assert "watermarks" not in silent["timing"]
    assert not [item for item in silent["evidence"] if item["kind"] == "mark"]
