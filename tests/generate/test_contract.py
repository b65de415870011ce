"""Every registered generator, third parties' included, must pass these with its tiny preset."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from verascope.errors import UsageError
from verascope.generate.contract import (
    Array,
    Budget,
    Generator,
    Item,
    Progress,
    Sampler,
    Transformer,
    item_rng,
    read_config,
)
from verascope.generate.files import Listed
from verascope.generate.fixed import Fixed
from verascope.generate.loop import Method
from verascope.generate.registry import entries, find
from verascope.generate.run import CHECKPOINT
from verascope.generate.sounds import RATE
from verascope.generate.speech import Speech
from verascope.generate.text_base import Counted
from verascope.result import Modality

NAMES = sorted(entries())
every = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def there(request: pytest.FixtureRequest) -> None:
    """Skip a speech engine that is not on this machine."""
    function = getattr(request.node, "callspec", None)
    kind = find(function.params["name"]) if function and "name" in function.params else None
    if kind is not None and issubclass(kind, Speech) and (how := kind.missing()):
        pytest.skip(f"{kind.name} is not on this machine: {how}")


def must_learn(name: str) -> None:
    """Skip what has nothing to learn: signal processing and speech engines, told by their type."""
    if issubclass(find(name), Fixed | Speech | Counted):
        pytest.skip(f"{name} learns nothing: it has no losses, weights or training to go on with")


def assert_form(media: Array, modality: Modality) -> None:
    """Media are what the modality's Items hold."""
    if modality is Modality.IMAGE:
        assert media.dtype == np.uint8
        assert media.ndim == 3
        assert media.shape[-1] == 3
    elif modality is Modality.TEXT:
        assert media.dtype == np.uint32
        assert media.ndim == 1
    else:
        assert modality is Modality.AUDIO
        assert media.dtype == np.int16
        assert media.ndim == 1
    assert media.min() < media.max()


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


def outputs(generator: Generator, keys: Sequence[int], seed: int) -> list[Item]:
    """Items `keys`, which follow each other; a transformer is shown its examples in turn."""
    if isinstance(generator, Sampler):
        return list(generator.sample(len(keys), seed, start=keys[0]))
    assert isinstance(generator, Transformer)
    shown = generator.examples()
    return list(generator.transform([replace(shown[k % len(shown)], key=k) for k in keys], seed))


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
def test_a_bad_config_is_a_clear_error(name: str, tmp_path: Path) -> None:
    kind, file = find(name).config_type, tmp_path / "c.toml"
    for line, said in (
        ("no_such_option = 1", "no_such_option"),
        ('batch = "many"', r"batch"),
        ("batch = 0", r"batch"),
        ("batch =", r"c\.toml"),
    ):
        file.write_text(line)
        with pytest.raises(UsageError, match=said) as error:
            read_config(kind, file)
        assert str(file) in str(error.value)


@every
def test_training_moves_the_losses_and_fills_the_run_folder(name: str, tmp_path: Path) -> None:
    must_learn(name)
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
        assert_form(item.media, generator.modality)
        if item.mask is not None:
            assert item.mask.dtype == np.uint8
            assert item.mask.shape == item.media.shape
            assert set(np.unique(item.mask)) <= {0, 255}
        for start, end in item.spans:
            assert 0 <= start < end <= len(item.media) / RATE
        if isinstance(generator, Sampler):
            real = generator.real(generator.examples()[k], item_rng(0, k))
            if generator.modality is Modality.TEXT:
                most: Any = generator.config
                assert max(len(item.media), len(real.media)) <= most.characters
            else:
                assert item.media.shape == real.media.shape
            assert_form(real.media, generator.modality)
            assert item.key == k
        if isinstance(generator, Transformer):
            original = generator.examples()[k]
            assert item.media.shape == original.media.shape
            assert (item.pair, item.key) == (original.pair, original.key)


@every
def test_item_k_is_the_same_whatever_the_batch(name: str) -> None:
    generator = ready(name)
    [alone] = outputs(generator, [123], seed=5)
    for keys in (range(120, 126), range(123, 126), range(90, 124)):
        among = outputs(generator, keys, seed=5)[keys.index(123)]
        np.testing.assert_array_equal(among.media, alone.media)
        assert among.key == 123


@every
def test_same_seed_same_output_other_seed_other_samples(name: str) -> None:
    first, again, other = (
        np.concatenate([item.media.ravel() for item in outputs(ready(name), range(4), seed)])
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    if isinstance(tiny(name), Sampler):
        assert not np.array_equal(first, other)


@every
def test_same_seed_same_weights_other_seed_others(name: str, tmp_path: Path) -> None:
    must_learn(name)
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
    must_learn(name)
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
    must_learn(name)
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
    must_learn(name)
    with pytest.raises(UsageError, match="load a checkpoint"):
        outputs(tiny(name), range(1), seed=0)


@every
def test_a_run_that_diverges_stops_with_its_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    must_learn(name)
    from verascope.generate.contract import TrainingStoppedError

    update = Method.update

    def poisoned(self: Method, which: str, loss: torch.Tensor) -> None:
        update(self, which, loss * float("nan"))

    monkeypatch.setattr(Method, "update", poisoned)
    with pytest.raises(TrainingStoppedError, match="diverged"):
        trained(name, tmp_path)
    assert log(tmp_path)[-1]["event"] == "stopped"


fixed = pytest.mark.parametrize("name", [n for n in NAMES if issubclass(find(n), Fixed)])


@fixed
def test_what_learns_nothing_is_ready_at_once(name: str, tmp_path: Path) -> None:
    generator = tiny(name)
    [before] = outputs(generator, [3], seed=5)
    data = Listed(generator.examples())
    checkpoint = generator.train(data, Budget(seconds=1e9), seed=1, out=tmp_path)
    assert load_file(checkpoint) == {}
    assert [line["event"] for line in log(tmp_path)] == ["started", "done"]
    generator.load(checkpoint)
    np.testing.assert_array_equal(outputs(generator, [3], seed=5)[0].media, before.media)


MINE = """
from typing import ClassVar
from verascope.generate.mlp_gan import MlpGan, MlpGanConfig
from verascope.generate.device import pick
class Mine(MlpGan):
    name: ClassVar[str] = "mine"
    @classmethod
    def tiny(cls):
        return cls(MlpGanConfig(latent=4, hidden=8, batch=8), pick("cpu"))
"""


def test_this_suite_runs_over_a_third_partys_generator(tmp_path: Path) -> None:
    """A package as pip leaves it: a module, and metadata with an entry point."""
    (tmp_path / "my_package.py").write_text(MINE)
    facts = tmp_path / "my_package-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[verascope.generators]\nimage.gan.mine = my_package:Mine\n"
    )
    chosen = "mine and (registry or form or moves or batch)"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    suite = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'temp'}", "-k", chosen, __file__],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert suite.returncode == 0, suite.stdout
    assert "4 passed" in suite.stdout
