"""Every registered generator, third parties' included, must pass these with its tiny preset."""

import atexit
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from verascope.errors import UsageError
from verascope.generate.contract import Budget, Generator, Item, Progress, Sampler, Transformer
from verascope.generate.data import Listed
from verascope.generate.loop import Method
from verascope.generate.registry import entries, find
from verascope.generate.run import CHECKPOINT

NAMES = sorted(entries())
every = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def tiny(name: str) -> Generator:
    generator = find(name).tiny()
    assert isinstance(generator, Generator)
    return generator


def trained(name: str, out: Path, steps: int = 6, seed: int = 1) -> Generator:
    generator = tiny(name)
    generator.train(Listed(generator.examples()), Budget(steps=steps), seed=seed, out=out)
    return generator


@cache
def _folder(name: str) -> Path:
    """A run that was trained once, for tests that only read it."""
    out = Path(tempfile.mkdtemp(prefix=f"contract-{name}-"))
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    trained(name, out)
    return out


def ready(name: str) -> Generator:
    generator = tiny(name)
    generator.load(_folder(name) / CHECKPOINT)
    return generator


def outputs(generator: Generator, keys: range, seed: int) -> list[Item]:
    if isinstance(generator, Sampler):
        return list(generator.sample(len(keys), seed, start=keys.start))
    assert isinstance(generator, Transformer)
    return list(generator.transform([generator.examples()[k] for k in keys], seed))


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(out: Path) -> list[dict[str, Any]]:
    steps = [line for line in log(out) if "event" not in line]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in steps]


@every
def test_it_is_what_the_registry_says(name: str) -> None:
    entry, generator = entries()[name], tiny(name)
    assert (generator.name, generator.modality, generator.family) == (
        name,
        entry.modality,
        entry.family,
    )
    assert isinstance(generator, Sampler | Transformer)
    assert all(msgspec.structs.asdict(generator.card).values())


@every
def test_config_survives_toml_and_its_hash_names_it(name: str) -> None:
    generator = tiny(name)
    text = msgspec.json.encode(generator.config)
    again = msgspec.json.decode(text, type=type(generator.config))
    assert again == generator.config
    assert again.sha256() == generator.config.sha256()
    assert generator.config_type().sha256() != generator.config.sha256()


@every
def test_training_moves_the_losses_and_fills_the_run_folder(name: str, tmp_path: Path) -> None:
    seen: list[Progress] = []
    generator = tiny(name)
    data = Listed(generator.examples())
    checkpoint = generator.train(
        data, Budget(steps=10), seed=1, out=tmp_path, watch=lambda p: seen.append(p)
    )
    assert checkpoint.is_file()
    assert [p.step for p in seen] == list(range(1, 11))
    assert seen[-1].used == 1
    assert seen[0].losses != seen[-1].losses
    steps = [line for line in log(tmp_path) if "event" not in line]
    assert len(steps) == 10
    assert len(list((tmp_path / "previews").iterdir())) == 10
    options = json.loads((tmp_path / "options.json").read_text())
    assert options["config_sha256"] == generator.config.sha256()
    assert options["data_sha256"] == data.sha256
    assert not list(tmp_path.rglob("*.part"))


@every
def test_outputs_have_the_declared_form(name: str) -> None:
    generator = ready(name)
    made = outputs(generator, range(3), seed=5)
    assert len(made) == 3
    for k, item in enumerate(made):
        assert item.media.dtype == np.uint8
        assert item.media.ndim == 3
        assert item.media.shape[2] == 3
        if isinstance(generator, Transformer):
            original = generator.examples()[k]
            assert item.media.shape == original.media.shape
            assert (item.pair, item.key) == (original.pair, original.key)


@every
def test_item_k_is_the_same_whatever_the_batch(name: str) -> None:
    generator = ready(name)
    batch = outputs(generator, range(8), seed=5)
    alone = outputs(generator, range(5, 6), seed=5)
    np.testing.assert_array_equal(batch[5].media, alone[0].media)


@every
def test_same_seed_same_weights_other_seed_others(name: str, tmp_path: Path) -> None:
    for out, seed in (("b", 1), ("c", 2)):
        trained(name, tmp_path / out, seed=seed)
    folders = (_folder(name), tmp_path / "b", tmp_path / "c")
    a, b, c = ((folder / CHECKPOINT).read_bytes() for folder in folders)
    assert a == b
    assert a != c


@every
def test_loading_a_checkpoint_gives_the_same_output(name: str, tmp_path: Path) -> None:
    generator, other = trained(name, tmp_path), ready(name)
    for a, b in zip(*(outputs(g, range(2), 5) for g in (generator, other)), strict=True):
        np.testing.assert_array_equal(a.media, b.media)


CHILD = """
import os, signal, sys
from pathlib import Path
import torch
from verascope.generate.contract import Budget
from verascope.generate.data import Listed
from verascope.generate.registry import find
torch.set_num_threads(1)
def kill_at_seven(progress):
    if progress.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
generator = find(sys.argv[1]).tiny()
data, out = Listed(generator.examples()), Path(sys.argv[2])
generator.train(data, Budget(steps=12), seed=1, out=out, watch=kill_at_seven)
"""


@every
def test_a_killed_run_goes_on_to_the_same_weights_and_losses(name: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    trained(name, whole, steps=12)
    child = subprocess.run([sys.executable, "-c", CHILD, name, str(cut)], check=False)
    assert child.returncode == -signal.SIGKILL
    trained(name, cut, steps=12)

    assert (whole / CHECKPOINT).read_bytes() == (cut / CHECKPOINT).read_bytes()
    assert losses(whole) == losses(cut)
    events = [line["event"] for line in log(cut) if "event" in line]
    assert events == ["started", "resumed", "done"]


@every
def test_a_budget_in_seconds_ends_and_may_grow(name: str, tmp_path: Path) -> None:
    generator = tiny(name)
    data = Listed(generator.examples())
    for seconds in (0.3, 0.6):
        generator.train(data, Budget(seconds=seconds), seed=1, out=tmp_path)
    steps = [line["step"] for line in log(tmp_path) if "event" not in line]
    assert steps == list(range(1, len(steps) + 1))


@every
def test_a_folder_of_another_run_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="another seed"):
        trained(name, _folder(name), seed=2)


@every
def test_a_checkpoint_of_another_config_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another config_sha256"):
        find(name)().load(_folder(name) / CHECKPOINT)
    (tmp_path / "no.safetensors").write_bytes(b"not a checkpoint at all")
    with pytest.raises(UsageError, match="not a checkpoint"):
        tiny(name).load(tmp_path / "no.safetensors")


@every
def test_output_before_training_is_a_clear_error(name: str) -> None:
    with pytest.raises(UsageError, match="load a checkpoint"):
        outputs(tiny(name), range(1), seed=0)


@every
def test_a_run_that_diverges_stops_with_its_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verascope.generate.contract import TrainingStoppedError

    update = Method.update

    def poisoned(self: Method, which: str, loss: torch.Tensor) -> None:
        update(self, which, loss * float("nan"))

    monkeypatch.setattr(Method, "update", poisoned)
    with pytest.raises(TrainingStoppedError, match="diverged"):
        trained(name, tmp_path)
    assert log(tmp_path)[-1]["event"] == "stopped"
