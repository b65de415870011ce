"""A GAN's discriminator becomes a detector, or the start of one."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from tests.conftest import Command
from verascope.errors import UsageError
from verascope.generate.contract import Budget
from verascope.generate.data import Listed
from verascope.generate.dcgan import Dcgan
from verascope.generate.device import pick
from verascope.train import from_gan
from verascope.train.export import test_windows as windows_made_by_code
from verascope.train.export import to_onnx
from verascope.train.fit import State, first
from verascope.train.recipe import RECIPES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gan") / "run"
    generator = Dcgan.tiny()
    generator.train(Listed(generator.examples()), Budget(steps=3), seed=0, out=out)
    return out


def test_it_says_what_the_gans_own_says_tile_by_tile(run: Path) -> None:
    network = from_gan.load(run).eval()
    crops = torch.from_numpy(windows_made_by_code(32)).permute(0, 3, 1, 2).float()
    tiles = [crops[:, :, y : y + 16, x : x + 16] for y in (0, 16) for x in (0, 16)]
    alone = torch.stack([-network.core(tile / 127.5 - 1) for tile in tiles]).mean(0)
    torch.testing.assert_close(network(crops), alone)


def test_it_exports_to_a_graph_that_agrees(run: Path) -> None:
    assert to_onnx(from_gan.load(run))  # which compares both


def test_training_begins_with_its_weights_or_with_its_shape_alone(run: Path) -> None:
    recipe = msgspec.structs.replace(RECIPES["tiny"], start=str(run))
    begun = State(recipe, pick("cpu"), lambda: first(recipe)).network.state_dict()
    trained = from_gan.load(run).state_dict()
    assert all(torch.equal(tensor, begun[name]) for name, tensor in trained.items())
    random = msgspec.structs.replace(recipe, start_random=True)
    other = State(random, pick("cpu"), lambda: first(random)).network.state_dict()
    assert other.keys() == begun.keys()
    assert not torch.equal(other["core.0.weight"], begun["core.0.weight"])


@pytest.mark.parametrize("steps", [0, 4])
def test_the_command_makes_a_model_of_it(
    verascope: Command, run: Path, toy: Path, tmp_path: Path, steps: int
) -> None:
    out = tmp_path / "detector"
    more = ["--start", run, "--steps", str(steps), "--recipe", "tiny"]
    done = verascope("train", "image", "--corpus", toy, "--out", out, *more)
    assert done.code == 0, done.err
    described = json.loads((out / "model" / "model.json").read_bytes())
    assert described["training"]["recipe"]["start"]
    scanned = verascope(
        "scan", toy, "--detector", out / "model", "--format", "jsonl", "--exit-zero", "-q"
    )
    scores = [json.loads(line)["score"] for line in scanned.out.splitlines()]
    assert np.isfinite([score for score in scores if score is not None]).all()
    assert any(score is not None for score in scores)


def test_what_cannot_be_started_from_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run of a GAN"):
        from_gan.load(tmp_path)
    options = json.loads((run / "options.json").read_bytes())
    (tmp_path / "options.json").write_text(json.dumps(options | {"generator": "stylegan"}))
    with pytest.raises(UsageError, match="a run of stylegan; this needs dcgan"):
        from_gan.load(tmp_path)
