"""One training by several processes, as torchrun starts them: each takes its part of every batch.

Synchronous data parallelism: the processes hold the same weights and draw the same batch; each
computes on its own part, gradients are averaged before every step, buffers (batch statistics) are
those of the first. So the state of the first process is nearly all that a run folder must keep;
what else a method holds is gathered. Process 0 alone writes. CUDA cards talk over NCCL, CPUs over
gloo.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import distributed, nn

from verascope.errors import UsageError


def count() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if _together() else 1


def leads() -> bool:
    """Whether this process is the one that writes."""
    return not _together() or distributed.get_rank() == 0


def local_device(name: str) -> str:
    """The card of this process, where several were started and `name` leaves the choice.

    Raises:
        UsageError: there are fewer cards than processes.
    """
    if name not in ("auto", "cuda") or started() == 1 or not torch.cuda.is_available():
        return name
    place, cards = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if place >= cards:
        raise UsageError(
            f"{cards} CUDA card{'' if cards == 1 else 's'} for more processes than that; start one "
            "a card (torchrun --nproc-per-node), or train with --device cpu"
        )
    return f"cuda:{place}"


def started() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def follows() -> bool:
    """Whether torchrun started this process as another than the first."""
    return started() > 1 and os.environ.get("RANK", "0") != "0"


@contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Join the processes that torchrun started; does nothing where it started one or none."""
    if started() == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)  # NCCL's own tensors and barrier lie on the current one
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield
        distributed.barrier()  # what the first writes last is there for all
    finally:
        distributed.destroy_process_group()


def alone(what: str) -> None:
    """Refuse what several processes would do over each other.

    Raises:
        UsageError: torchrun started several.
    """
    if started() > 1:
        raise UsageError(f"torchrun is for `generate train`; run `{what}` without it")


def part(batch: torch.Tensor) -> torch.Tensor:
    """This process's part of a batch.

    Raises:
        UsageError: there are fewer items than processes.
    """
    if not _together():
        return batch
    if len(batch) < count():
        raise UsageError(f"a batch of {len(batch)} cannot be shared by {count()} processes")
    return batch[distributed.get_rank() :: count()]


def own_noise(noise: torch.Generator) -> torch.Generator:
    """A source of random numbers for one step: each process its own, all from the common one."""
    if not _together():
        return noise
    seed = int(torch.randint(2**62, (1,), generator=noise))
    return torch.Generator().manual_seed(seed + distributed.get_rank())


def average_gradients(optimiser: torch.optim.Optimizer) -> None:
    """Let every process step along the mean gradient."""
    if not _together():
        return
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= count()


def share_buffers(modules: Iterable[nn.Module]) -> None:
    """Give every process the first one's buffers."""
    if not _together():
        return
    for module in modules:
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)


def agree(values: dict[str, float]) -> dict[str, float]:
    """The mean of each value over the processes, so that all decide alike."""
    if not _together():
        return values
    shared = torch.tensor(list(values.values()), dtype=torch.float64)
    distributed.all_reduce(shared)
    return dict(zip(values, (shared / count()).tolist(), strict=True))


def gather(own: Any) -> list[Any]:
    """What each process has, in their order."""
    every = [own] * count()
    if _together():
        distributed.all_gather_object(every, own)
    return every


def mine(every: list[Any]) -> Any:
    """This process's part of what was gathered; the first's where another number gathered it."""
    return every[distributed.get_rank() if len(every) == count() > 1 else 0]


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
