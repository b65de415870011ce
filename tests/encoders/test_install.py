"""CLIP from the pinned wheel."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from verascope.cli.models import models
from verascope.detect.encoder import Encoder, least_cosine
from verascope.encoders import clip
from verascope.encoders.install import install_clip, reference_pixels
from verascope.encoders.known import CLIP_SHA256, SOURCE_BYTES, WHEEL_MEMBER
from verascope.encoders.stage import PREFIX, stage
from verascope.errors import UsageError

INT8_TO_FP32 = 0.97  # least cosine of a tap, on the stored picture


@pytest.fixture(scope="module")
def wheel(clip_wheel: Path) -> Path:
    return clip_wheel


@pytest.fixture(scope="module")
def home(clip_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both builds, to be damaged; that their bytes are those that heads name is checked there."""
    return shutil.copytree(clip_home, tmp_path_factory.mktemp("home") / "models")


@pytest.mark.parametrize("build", clip.BUILDS)
def test_the_bytes_are_those_that_heads_name(home: Path, build: str) -> None:
    graph = (home / f"clip-vit-b16-{build}" / "encoder.onnx").read_bytes()
    assert hashlib.sha256(graph).hexdigest() == CLIP_SHA256[build]


def test_int8_cannot_saturate(home: Path) -> None:
    """2 × 255 × 63 fits into 16 bits; one larger weight would not."""
    graph = onnx.load(home / "clip-vit-b16-int8" / "encoder.onnx").graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulInteger"]
    floats = len(clip.FLOAT_PRODUCTS)
    assert len(products) == 6 * clip.BLOCKS - floats
    for node in products:
        weight = numpy_helper.to_array(tensors[node.input[1]])
        assert weight.dtype == np.int8 and np.abs(weight.astype(int)).max() <= clip.LARGEST
    assert 2 * 255 * clip.LARGEST < 2**15


def test_int8_is_near_fp32(home: Path) -> None:
    pixels = reference_pixels()
    int8, fp32 = (Encoder(home / f"clip-vit-b16-{b}").taps(pixels) for b in ("int8", "fp32"))
    assert INT8_TO_FP32 <= least_cosine(int8, fp32) < 1


def test_a_second_time_is_quick_and_a_damaged_one_is_mended(home: Path, wheel: Path) -> None:
    said: list[str] = []
    install_clip("int8", Path("not needed"), home, said.append)
    assert said == [f"{home / 'clip-vit-b16-int8'}: already there and whole"]
    graph = home / "clip-vit-b16-int8" / "encoder.onnx"
    with graph.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    install_clip("int8", wheel, home)
    assert hashlib.sha256(graph.read_bytes()).hexdigest() == CLIP_SHA256["int8"]


def test_another_file_is_refused(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        data = bytearray(packed.read(WHEEL_MEMBER))
    assert len(data) == SOURCE_BYTES
    data[SOURCE_BYTES // 2] ^= 1
    (tmp_path / "other.onnx").write_bytes(data)
    with pytest.raises(UsageError, match="not the pinned file"):
        install_clip("int8", tmp_path / "other.onnx", tmp_path / "home")
    assert not list((tmp_path / "home").glob("clip*"))


def test_a_small_wrong_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"PK")
    with pytest.raises(UsageError, match="not the pinned file"):
        install_clip("int8", tmp_path / "x.whl", tmp_path / "home")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_killed_in_the_middle(wheel: Path, tmp_path: Path, number: signal.Signals) -> None:
    """It was in the middle: its folder was seen. Nothing stays; what SIGKILL leaves is swept."""
    command = [sys.executable, "-m", "verascope", "models", "install", "clip-vit-b16"]
    environment = os.environ | {"VERASCOPE_MODELS": str(tmp_path)}
    with subprocess.Popen(
        [*command, "--file", str(wheel)],
        env=environment,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as from a terminal
    ) as process:
        while not list(tmp_path.glob(f"{PREFIX}*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert not list(tmp_path.glob("clip*"))
    with stage(tmp_path) as folder:
        assert list(tmp_path.glob(f"{PREFIX}*")) == [folder]
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_one_installation_at_a_time(tmp_path: Path) -> None:
    with stage(tmp_path), pytest.raises(UsageError, match="goes on"), stage(tmp_path):
        pass


def test_options_of_ones_own_are_not_for_clip(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--side: not for clip-vit-b16"):
        models.main(["install", "clip-vit-b16", "--side", "224"], standalone_mode=False)
