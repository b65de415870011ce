from pathlib import Path
from typing import Any

import pytest
import torch

from verascope.errors import UsageError
from verascope.generate.contract import Budget, TrainingStoppedError
from verascope.generate.data import Listed
from verascope.generate.device import Device, pick
from verascope.generate.fixed import Fixed
from verascope.generate.loop import COLLAPSED_STEPS, DEAD_STEPS, Guards, seeded, spread
from verascope.generate.registry import find, names
from verascope.generate.speech import Speech


def test_a_budget_is_steps_or_seconds() -> None:
    assert Budget(steps=10).used(5, 99.0) == 0.5
    assert Budget(seconds=10).used(5, 20.0) == 1.0
    for wrong in ({}, {"steps": 1, "seconds": 1.0}, {"steps": 0}, {"seconds": -1.0}):
        with pytest.raises(UsageError):
            Budget(**wrong)


def test_a_dead_discriminator_stops_the_run_only_when_it_stays_dead() -> None:
    guards = Guards()
    for _ in range(DEAD_STEPS - 1):
        guards.check({"loss_d": 1e-5})
    guards.check({"loss_d": 0.5})
    for _ in range(DEAD_STEPS - 1):
        guards.check({"loss_d": 1e-5})
    with pytest.raises(TrainingStoppedError, match="discriminator"):
        guards.check({"loss_d": 1e-5})


def test_samples_that_stay_alike_stop_the_run_once_it_has_had_time() -> None:
    guards = Guards()
    for step in range(0, COLLAPSED_STEPS, 50):
        guards.check({"spread": 0.01}, step)  # every generator starts like this
    for value in (0.1, 0.1, 0.9, 0.1, 0.1):
        guards.check({"spread": value}, COLLAPSED_STEPS)
        guards.check({"loss_d": 1.0}, COLLAPSED_STEPS)
    with pytest.raises(TrainingStoppedError, match="collapsed"):
        guards.check({"spread": 0.1}, COLLAPSED_STEPS)


def test_spread_is_the_deviation_from_the_mean_picture() -> None:
    assert spread(torch.ones(4, 3, 2, 2)) == 0
    assert spread(torch.tensor([[-1.0], [1.0]])) == 1


def test_losses_without_a_discriminator_are_no_dead_one() -> None:
    guards = Guards()
    for _ in range(2 * DEAD_STEPS):
        guards.check({"loss_pixel": 1e-6})


def test_seeded_layers_leave_the_global_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with seeded(7):
        first = torch.nn.Linear(2, 2).weight
    with seeded(7):
        second = torch.nn.Linear(2, 2).weight
    assert torch.equal(first, second)
    assert torch.equal(torch.rand(1), expected)


def test_the_cpu_trains_in_float32() -> None:
    device = pick("cpu")
    assert device.amp is None
    assert not device.scaler().is_enabled()
    with device.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32


def test_a_device_that_is_not_here_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no CUDA device"):
        pick("cuda:1")
    with pytest.raises(UsageError, match="abacus"):
        pick("abacus")
    assert pick("auto").device.type == "cpu"


LEARNERS = [name for name in names() if not issubclass(find(name), Fixed | Speech)]


@pytest.mark.parametrize("name", LEARNERS)
def test_mixed_precision_trains(name: str, tmp_path: Path) -> None:
    """bfloat16 on the CPU: no card is here, but the same autocast and scaler calls run."""
    generator = find(name).tiny()
    mixed: Any = type(generator)
    mixed = mixed(generator.config, Device(torch.device("cpu"), torch.bfloat16))
    mixed.train(Listed(generator.examples()), Budget(steps=6), seed=0, out=tmp_path)
    assert '"amp": "bfloat16"' in (tmp_path / "options.json").read_text()
