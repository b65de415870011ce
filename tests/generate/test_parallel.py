"""Two processes that train together, over gloo, as torchrun starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from verascope.errors import UsageError
from verascope.generate import parallel

PROGRAM = """
import os
import signal
import sys
from pathlib import Path

import torch

from verascope.generate.contract import Budget
from verascope.generate.data import Listed
from verascope.generate.registry import find

family, steps, out, kill_at = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])


def watch(progress):
    if progress.step == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


generator = find(family).tiny()
generator.train(Listed(generator.examples()), Budget(steps=steps), seed=0, out=out, watch=watch)
rank = os.environ.get("RANK", "0")
torch.save(generator.ready().state_dict(), out / f"seen-by-{rank}.pt")
"""


def train(family: str, steps: int, out: Path, processes: int = 2, kill_at: int = 0) -> None:
    """Train by so many processes, each on one thread; `kill_at` is the step of a kill -9."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    program = out.with_suffix(".py")
    program.write_text(PROGRAM)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    command = [sys.executable, *(launch if processes > 1 else []), str(program)]
    done = subprocess.run(
        [*command, family, str(steps), str(out), str(kill_at)],
        env=environment,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode != 0) == bool(kill_at), done.stderr.decode()[-2000:]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "generator.safetensors")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("two") / "run"
    train("dcgan", 6, out)
    return out


def test_both_processes_end_with_the_same_weights_and_one_writes(two: Path) -> None:
    seen = [torch.load(two / f"seen-by-{rank}.pt", weights_only=True) for rank in (0, 1)]
    for name, tensor in seen[0].items():
        assert torch.equal(tensor, seen[1][name])
    lines = [json.loads(line) for line in (two / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss_d" in line] == [1, 2, 3, 4, 5, 6]


def test_it_is_another_training_than_one_process_alone_but_a_near_one(
    two: Path, tmp_path: Path
) -> None:
    """The same batches and first weights; other latents, and statistics of half batches."""
    train("dcgan", 6, tmp_path / "one", processes=1)
    ours, alone = weights(two), weights(tmp_path / "one")
    apart = max(float((ours[name] - alone[name]).abs().max()) for name in ours)
    assert 0 < apart < 0.5


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """A CycleGAN: each process has a pool of pictures that it made itself."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train("cyclegan", 20, whole)
    train("cyclegan", 20, cut, kill_at=11)
    train("cyclegan", 20, cut)
    before, resumed = weights(whole), weights(cut)
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in before.items())
    events = [json.loads(line) for line in (cut / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in events if "event" in line] == ["started", "resumed", "done"]


def test_what_several_would_do_over_each_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    parallel.alone("generate mixture")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="run `generate mixture` without it"):
        parallel.alone("generate mixture")


def test_more_processes_than_cards_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with one card; what torch says of the cards is pretended."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert parallel.local_device("auto") == "cuda:0"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert parallel.local_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="1 CUDA card for more processes"):
        parallel.local_device("auto")
