"""An encoder that a user brings: a tiny random graph, end to end through the command."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.encoders.tiny import MEAN, PATCH, PATCHES, PREFIX, SIDE, STD, WIDTH, tiny, weights
from verascope.cli.models import models
from verascope.detect.encoder import GRAPH, Encoder
from verascope.encoders.own import Plan, build
from verascope.errors import ModelError, UsageError


def expected(picture: np.ndarray) -> np.ndarray:
    """The same in numpy: float32 [6, WIDTH]."""
    w = weights()
    x = (picture / 255 - np.array(MEAN)) / np.array(STD)
    cells = x.reshape(SIDE // PATCH, PATCH, SIDE // PATCH, PATCH, 3)
    patches = np.einsum("aybxc,kcyx->abk", cells, w["embed"]).reshape(PATCHES, WIDTH)
    first = np.concatenate([w["special"][0], patches])
    rows: list[np.ndarray] = []
    for block in (first, np.tanh(first @ w["mix"])):
        rest = block[PREFIX:]
        rows += [block[0], rest.mean(0), rest.std(0)]
    return np.stack(rows)


def install(file: Path, *changes: str) -> int:
    given = ["install", "mine", "--onnx", str(file), "--side", str(SIDE), "--mean", "0.4,0.5,0.6"]
    given += ["--std", "0.2,0.25,0.3", "--taps", "block_0,block_1", "--prefix", str(PREFIX)]
    code: int = models.main([*given, *changes], standalone_mode=False)
    return code


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VERASCOPE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(params=[14, 18])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    onnx.save(tiny(request.param), path)
    return path


def test_from_file_to_taps(home: Path, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert install(file, "--licence", "ours") == 0
    folder = Path(capfd.readouterr().out.strip())
    assert folder == home / "mine-own"
    encoder = Encoder(folder)
    pictures = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    found = encoder.taps(pictures)
    assert found.shape == (3, 6, WIDTH) == (3, len(encoder.description.taps), WIDTH)
    np.testing.assert_allclose(found, [expected(each) for each in pictures], atol=1e-4)
    np.testing.assert_array_equal(found[1:2], encoder.taps(pictures[1:2]))  # whatever is beside it
    assert encoder.patches(pictures).shape == (3, PATCHES, WIDTH)
    assert encoder.description.licence == "ours"
    kept = {node.op_type for node in onnx.load(folder / GRAPH).graph.node}
    assert "Relu" not in kept  # the head was cut away
    assert {each.name for each in home.iterdir()} == {"mine-own", ".install.lock"}


def test_check_list_remove(home: Path, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install(file)
    assert models.main(["check", "mine"], standalone_mode=False) == 0
    assert models.main(["list"], standalone_mode=False) == 0
    said = capfd.readouterr().out
    assert "mine own: right" in said and "6 taps of 12" in said
    assert models.main(["remove", "mine"], standalone_mode=False) == 0
    assert not (home / "mine-own").exists()
    with pytest.raises(UsageError, match="mine is not installed"):
        models.main(["check", "mine"], standalone_mode=False)


def test_a_damaged_encoder_is_refused(home: Path, file: Path) -> None:
    install(file)
    graph = home / "mine-own" / GRAPH
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        models.main(["check", "mine"], standalone_mode=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--taps", "block_7"), "no tensor 'block_7'. Near: block_"),
        (("--taps", "grid"), r"taps must be \[n, tokens, width\].*grid"),
        (("--side", "64"), r"must be float \[n, 3, 64, 64\]; it is float \[1, 3, 32, 32\]"),
        (("--prefix", "19"), "has 19 tokens"),
        (("--pooled", "class,median"), "not median"),
        (("--std", "1,1,0"), "std is above 0"),
        (("--mean", "0.5"), "--mean is three numbers"),
        (("--build", "int8"), "--build and --file are for clip-vit-b16"),
    ],
)
def test_what_does_not_fit_is_told(
    home: Path, file: Path, changes: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        install(file, *changes)
    assert not list(home.glob("mine*"))


def test_a_file_that_is_no_graph(home: Path, tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(UsageError, match="not an ONNX file"):
        install(tmp_path / "no.onnx")


def test_an_old_graph_is_refused() -> None:
    plan = Plan(name="old", side=SIDE, mean=MEAN, std=STD, taps=("block_0",))
    with pytest.raises(UsageError, match="opset 11"):
        build(tiny(11), plan)
