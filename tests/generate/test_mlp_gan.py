"""The textbook failures of the original GAN, on real digits, and how each run ends."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from verascope.generate.contract import Budget, TrainingStoppedError
from verascope.generate.mlp_gan import MlpGan, MlpGanConfig, digits

# Measured in research: with Adam at 1e-3 and β1 = 0.9, without norm and penalty, both losses fail.
HARSH: dict[str, Any] = {"learning_rate": 1e-3, "beta1": 0.9, "batch_norm": False, "r1_gamma": 0.0}


def train(config: MlpGanConfig, steps: int, out: Path) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    try:
        MlpGan(config).train(digits(), Budget(steps=steps), seed=0, out=out)
    finally:
        lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "event" not in line]


def test_minimax_dies_because_the_discriminator_wins(tmp_path: Path) -> None:
    with pytest.raises(TrainingStoppedError, match="discriminator"):
        train(MlpGanConfig(loss="minimax", **HARSH), 500, tmp_path)
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-2])
    assert last["loss_d"] < 1e-3
    assert abs(last["loss_g"]) < 1e-2  # log(1 − D(G(z))) is flat where D is sure


def test_the_non_saturating_loss_collapses_instead(tmp_path: Path) -> None:
    with pytest.raises(TrainingStoppedError, match="collapsed"):
        train(MlpGanConfig(**HARSH), 800, tmp_path)
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-2])
    assert last["loss_g"] > 0.1  # a gradient is still there


def test_the_defaults_spread_out_over_the_digits(tmp_path: Path) -> None:
    steps = train(MlpGanConfig(), 200, tmp_path)
    assert steps[-1]["spread"] > 0.4
    assert steps[-1]["loss_d"] > 0.3


def test_digits_are_the_real_ones() -> None:
    found = digits()
    assert len(found) == 1797
    assert found[0].media.shape == (28, 28, 3)
    assert {item.kind for item in digits(20)} == set("0123456789")
