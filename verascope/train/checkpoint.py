"""A training run's state as one safetensors file: weights, average and the optimiser's moments."""

from pathlib import Path
from typing import Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from verascope.errors import UsageError


class Resumable(Protocol):
    """What a checkpoint holds."""

    @property
    def network(self) -> nn.Module:
        """The weights in training."""

    @property
    def average(self) -> nn.Module:
        """Their moving average."""

    @property
    def optimiser(self) -> torch.optim.Optimizer:
        """The optimiser, with its moments."""


def save(file: Path, state: Resumable, step: int) -> None:
    """Write the state after a step, atomically."""
    part = file.with_suffix(".part")
    tensors = {name: tensor.contiguous().clone() for name, tensor in _tensors(state).items()}
    save_file(tensors, part, metadata={"step": str(step)})
    part.replace(file)


def load(file: Path, state: Resumable) -> int:
    """Read a state back in place; returns the step after which it was saved.

    Raises:
        UsageError: the checkpoint is of another network.
    """
    with safe_open(file, framework="pt") as stored:
        step = int(stored.metadata()["step"])
        if step:
            _prime(state.optimiser)
        places = _tensors(state)
        if set(stored.keys()) != set(places):
            raise UsageError(f"{file} is of another recipe; remove it or choose another --out")
        with torch.no_grad():
            for name, place in places.items():
                place.copy_(stored.get_tensor(name))
    return step


def _tensors(state: Resumable) -> dict[str, Tensor]:
    """All tensors of the state, by name; changing them changes the state."""
    found = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    found |= {f"average.{k}": v for k, v in state.average.state_dict().items()}
    for index, moments in enumerate(_moments(state.optimiser)):
        found |= {f"optimiser.{index}.{k}": v for k, v in moments.items()}
    return found


def _moments(optimiser: torch.optim.Optimizer) -> list[dict[str, Tensor]]:
    """The optimiser's tensors for each parameter, in order."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    return [optimiser.state[p] for p in parameters if p in optimiser.state]


def _prime(optimiser: torch.optim.Optimizer) -> None:
    """Make the optimiser's moments exist: a step with zero gradients and no rate."""
    for group in optimiser.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
