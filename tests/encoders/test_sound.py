"""Encoders of sound from the pinned wheels: they give what another way of computing gives."""

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.encoders import oracles
from verascope.cli.models import models
from verascope.detect.encoder import GRAPH, open_installed
from verascope.detect.sound_encoder import SoundEncoder, open_installed_sound
from verascope.encoders.known import SOUND, shelf
from verascope.encoders.sound import install_sound, module_of
from verascope.errors import ModelError, UsageError

NEAR = 1e-3  # of the largest value of a tap
NAMES = tuple(SOUND)


@pytest.fixture
def home(sound_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VERASCOPE_MODELS", str(sound_home))
    return sound_home


@pytest.fixture
def another_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VERASCOPE_MODELS", str(tmp_path / "models"))
    yield tmp_path / "models"


@pytest.mark.parametrize("name", NAMES)
def test_its_bytes_are_those_that_heads_name(home: Path, name: str) -> None:
    graph = (home / f"{name}-fp32" / GRAPH).read_bytes()
    assert hashlib.sha256(graph).hexdigest() == SOUND[name].builds["fp32"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [16_000, 37_123])
def test_its_vectors_are_those_of_its_oracle(
    home: Path, sound_wheels: list[Path], name: str, length: int
) -> None:
    samples = np.concatenate([oracles.voice()[:, :length], oracles.voice(4)[:, -length:] // 7])
    encoder = open_installed_sound(name, "fp32")
    found = encoder.vectors(samples)
    wanted = oracles.vectors(name, oracles.source_of(name, sound_wheels), samples)
    assert found.shape == wanted.shape and found.dtype == np.float32
    for tap, at in encoder.slices.items():
        far = np.abs(found[:, at] - wanted[:, at]).max() / np.abs(wanted[:, at]).max()
        assert far < NEAR, tap


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_that_ships_is_the_oracles(name: str, sound_wheels: list[Path]) -> None:
    with np.load(oracles.PACKAGE / f"{name}.npz") as stored:
        samples, vectors = stored["samples"], stored["vectors"]
    wanted = oracles.vectors(name, oracles.source_of(name, sound_wheels), samples)
    np.testing.assert_allclose(vectors, wanted, rtol=NEAR, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("name", NAMES)
def test_vectors_do_not_depend_on_the_batch_or_on_the_level(home: Path, name: str) -> None:
    encoder = open_installed_sound(name, "fp32")
    loud = oracles.voice(1.5)
    both = encoder.vectors(np.concatenate([loud, loud[:, ::-1]]))
    np.testing.assert_array_equal(both[:1], encoder.vectors(loud))
    quiet = encoder.vectors((loud // 4).astype(np.int16))
    for at in encoder.slices.values():
        assert np.abs(quiet[:, at] - both[:1, at]).max() < 0.1 * np.abs(both[:1, at]).max()


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_clipping_give_numbers(home: Path, name: str) -> None:
    samples = np.zeros((3, 16_000), np.int16)
    samples[1, 5_000] = 1
    samples[2] = np.where(np.arange(16_000) // 40 % 2, 32_767, -32_768)
    assert np.isfinite(open_installed_sound(name, "fp32").vectors(samples)).all()


@pytest.mark.parametrize("name", NAMES)
def test_too_short_and_too_long_are_refused(home: Path, name: str) -> None:
    encoder = open_installed_sound(name, "fp32")
    with pytest.raises(ValueError, match="16000"):
        encoder.vectors(np.zeros((1, 15_999), np.int16))
    if longest := module_of(name).LONGEST:
        encoder.vectors(np.ones((1, longest), np.int16))
        with pytest.raises(ValueError, match=str(longest)):
            encoder.vectors(np.ones((1, longest + 1), np.int16))


def test_one_kind_is_not_opened_as_the_other(home: Path) -> None:
    with pytest.raises(UsageError, match="an encoder of sound, not of pictures"):
        open_installed("plcmos", "fp32")
    picture = b'{"name": "p", "build": "fp32", "side": 224}'
    folder = home / "picture-fp32"
    folder.mkdir()
    (folder / "encoder.json").write_bytes(picture)
    try:
        with pytest.raises(UsageError, match="an encoder of pictures, not of sound"):
            open_installed_sound("picture", "fp32")
    finally:
        shutil.rmtree(folder)
    assert all(isinstance(each, SoundEncoder) for each in shelf(home))


def test_by_the_command(
    another_home: Path, sound_wheels: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    files = [each for wheel in sound_wheels for each in ("--file", str(wheel))]
    assert models.main(["install", *NAMES, *files], standalone_mode=False) == 0
    folders = [str(another_home / f"{name}-fp32") for name in NAMES]
    assert capfd.readouterr().out.split() == folders
    assert models.main(["install", *NAMES], standalone_mode=False) == 0
    assert capfd.readouterr().err.count("already there and whole") == len(NAMES)
    assert models.main(["list"], standalone_mode=False) == 0
    assert capfd.readouterr().out.count("fp32     installed") == len(NAMES)
    for name in NAMES:
        assert models.main(["check", name], standalone_mode=False) == 0
        assert "right; least cosine" in capfd.readouterr().out
        assert models.main(["remove", name], standalone_mode=False) == 0
    assert not list(another_home.glob("*-fp32"))


def test_another_file_is_refused(another_home: Path, sound_wheels: list[Path]) -> None:
    part = SOUND["plcmos"].parts[0]
    wheel = next(each for each in sound_wheels if each.name.startswith("speechmos"))
    with zipfile.ZipFile(wheel) as packed:
        data = bytearray(packed.read(part.member))
    data[len(data) // 2] ^= 1
    another_home.mkdir()
    other = another_home / "other.onnx"
    other.write_bytes(data)
    with pytest.raises(UsageError, match="not the pinned file"):
        install_sound("plcmos", [other])
    with pytest.raises(UsageError, match="not the pinned file"):
        install_sound("plcmos", [each for each in sound_wheels if each != wheel] or [other])
    assert not list(another_home.glob("plcmos*"))


def test_a_damaged_one_is_refused_and_mended(another_home: Path, sound_wheels: list[Path]) -> None:
    encoder = install_sound("plcmos", sound_wheels)
    graph = encoder.folder / GRAPH
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        SoundEncoder(encoder.folder).vectors(oracles.voice())
    install_sound("plcmos", sound_wheels)
    assert hashlib.sha256(graph.read_bytes()).hexdigest() == SOUND["plcmos"].builds["fp32"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plcmos", "--side", "224"], "--side: not for plcmos"),
        (["plcmos", "--build", "int8"], "has no build int8"),
        (["plcmos", "mine"], "known are clip-vit-b16, .*plcmos"),
    ],
)
def test_what_does_not_fit_is_told(another_home: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        models.main(["install", *arguments], standalone_mode=False)
