"""An encoder of sound of one's own, by ONNX: a tiny random one, from the file to a head on it."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import ModelProto, TensorProto, helper, numpy_helper, save

from verascope.cli.models import models
from verascope.detect.sound_encoder import SoundEncoder, open_installed_sound
from verascope.encoders.own_sound import SoundPlan, install_own_sound
from verascope.encoders.spectral import clips
from verascope.errors import UsageError

STRIDE, WIDTH = 320, 6
PLAN = SoundPlan(name="mine", taps=("frames", "block", "summary"), licence="ours")


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "kernel": rng.normal(size=(WIDTH, 1, 400)).astype(np.float32) / 20,
        "mix": rng.normal(size=(WIDTH, 4)).astype(np.float32),
        "one": np.array([1], np.int64),
    }


def tiny(opset: int = 17, rank: int = 2) -> ModelProto:
    """Strided frames, a mixed block of another width, a summary; a head to cut away."""
    reduced = {"inputs": ["block", "one"]} if opset >= 18 else {"inputs": ["block"], "axes": [1]}
    nodes = [
        helper.make_node("Unsqueeze", ["wave", "one"], ["channel"]),
        helper.make_node("Conv", ["channel", "kernel"], ["columns"], strides=[STRIDE]),
        helper.make_node("Transpose", ["columns"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "mix"], ["mixed"]),
        helper.make_node("Tanh", ["mixed"], ["block"]),
        helper.make_node("ReduceMean", outputs=["summary"], keepdims=0, **reduced),
        helper.make_node("Relu", ["summary"], ["head"]),
    ]
    given = helper.make_tensor_value_info("wave", TensorProto.FLOAT, ["n", "m", 1][:rank])
    graph = helper.make_graph(
        nodes,
        "tiny",
        [given],
        [helper.make_tensor_value_info("head", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights().items()],
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def wanted(samples: np.ndarray) -> np.ndarray:
    """The same in numpy."""
    wave = samples / 32_768
    wave = wave / np.sqrt(np.mean(wave**2))
    cut = np.lib.stride_tricks.sliding_window_view(wave, 400)[::STRIDE]
    frames = cut @ weights()["kernel"][:, 0].T
    block = np.tanh(frames @ weights()["mix"])
    parts = (frames.mean(0), frames.std(0), block.mean(0), block.std(0), block.mean(0))
    return np.concatenate(parts)


@pytest.mark.parametrize("opset", [14, 17, 18])
def test_vectors_are_means_and_deviations_over_time(opset: int, tmp_path: Path) -> None:
    encoder = install_own_sound(tiny(opset), PLAN, tmp_path)
    assert encoder.description.widths == (2 * WIDTH, 8, 4)
    found = encoder.vectors(clips())
    np.testing.assert_allclose(found[1], wanted(clips()[1]), atol=1e-4)
    assert encoder.check() > 0.999


def test_a_level_is_taken_out(tmp_path: Path) -> None:
    encoder = install_own_sound(tiny(), PLAN, tmp_path)
    loud, quiet = clips(), (clips() // 4).astype(np.int16)
    np.testing.assert_allclose(encoder.vectors(loud), encoder.vectors(quiet), atol=0.01)


def test_the_command_installs_it_and_heads_can_stand_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verascope.train.sound import _encoder
    from verascope.train.sound_recipe import HeadPart

    monkeypatch.setenv("VERASCOPE_MODELS", str(tmp_path / "models"))
    save(tiny(), tmp_path / "mine.onnx")
    asked = ["install", "mine", "--sound", "--onnx", str(tmp_path / "mine.onnx")]
    done = CliRunner().invoke(models, [*asked, "--taps", "block"], catch_exceptions=False)
    assert done.exit_code == 0
    assert isinstance(open_installed_sound("mine", "own"), SoundEncoder)
    assert _encoder(HeadPart(encoder="mine", taps=("block",))).vectors(clips()).shape == (2, 8)
    with pytest.raises(UsageError, match="it gives block"):
        _encoder(HeadPart(encoder="mine", taps=("blocks",)))


@pytest.mark.parametrize(
    ("model", "plan", "told"),
    [
        (tiny(rank=3), PLAN, "float \\[n, samples\\]"),
        (tiny(opset=12), PLAN, "opset 12"),
        (tiny(), SoundPlan(name="mine", taps=("blok",)), "Near: block"),
        (tiny(), SoundPlan(name="whisper-base", taps=("block",)), "cannot be"),
        (tiny(), SoundPlan(name="mine", taps=()), "needs taps"),
    ],
    ids=["rank", "opset", "tap", "name", "no taps"],
)
def test_what_does_not_fit_is_told(
    model: ModelProto, plan: SoundPlan, told: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=told):
        install_own_sound(model, plan, tmp_path)
    assert not any(tmp_path.glob("mine*"))
