"""The loop that trains every generator: batches in, steps, ticks, guards; resumable."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from verascope.generate import parallel
from verascope.generate.contract import Budget, Progress, TrainingStoppedError, Watch
from verascope.generate.device import Device
from verascope.generate.run import RunFolder

TICKS = 10  # previews and snapshots in a run
SAVE_EVERY_S = 30.0  # a kill costs at most this much work
DEAD_LOSS = 1e-3
DEAD_STEPS = 200
COLLAPSED = 0.3  # of the real pictures' spread; a healthy MLP GAN has 0.6 to 1
COLLAPSED_STEPS = 300  # every generator starts with samples that are nearly the same
COLLAPSED_TICKS = 3


class Batches(Protocol):
    """A stream of training batches with a random state of its own."""

    rng: np.random.Generator

    def batch(self, n: int) -> NDArray[Any]:
        """The next n items: uint8 pictures or int16 sound."""


class Method:
    """What one generator brings to the loop; its parts are saved and restored by name.

    Attributes:
        batch: items a step.
        modules: networks (and their moving averages).
        optimisers: by name.
        noise: the source of every random number in a step; on the CPU, so that all devices draw
            the same.
    """

    steps: int = 0  # made before this one; the loop keeps it
    batch: int
    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    noise: torch.Generator
    device: Device
    scaler: torch.amp.GradScaler

    def step(self, batch: torch.Tensor, used: float) -> dict[str, float]:
        """One update of every network; `used` is the share of the budget spent, 0 to 1."""
        raise NotImplementedError

    def preview(self) -> NDArray[np.uint8]:
        """What the generator makes of latents or crops that never change: uint8 [h, w, 3]."""
        raise NotImplementedError

    def samples(self) -> torch.Tensor | None:
        """What a sampler makes of latents that never change, floats −1 to 1; else None."""
        return None

    def weights(self) -> dict[str, torch.Tensor]:
        """The state dict to sample from."""
        raise NotImplementedError

    def update(self, name: str, loss: torch.Tensor) -> None:
        """Step one optimiser along a loss's gradient."""
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        parallel.average_gradients(optimiser)
        self.scaler.step(optimiser)
        self.scaler.update()

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "noise": self.noise.get_state(),
            "scaler": self.scaler.state_dict(),
            **self.own(),
        }

    def own(self) -> dict[str, Any]:
        """The part of state() in which processes that train together differ; on the CPU."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state() again."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.noise.set_state(state["noise"])
        self.scaler.load_state_dict(state["scaler"])


def fit(
    method: Method, batches: Batches, budget: Budget, run: RunFolder, watch: Watch | None = None
) -> Path:
    """Train until the budget is used, going on from the run's last state; returns the checkpoint.

    Raises:
        TrainingStoppedError: a guard saw that it diverged.
    """
    step, before_s = _take_up(method, batches, run)
    run.log(event="resumed" if step else "started", step=step)
    start, saved = time.monotonic(), before_s
    guards = Guards()
    used = budget.used(step, before_s)
    tick = _tick(used)
    try:
        while used < 1:
            drawn = parallel.part(torch.from_numpy(batches.batch(method.batch)))
            pixels = drawn.to(method.device.device)
            method.steps = step
            losses = parallel.agree(_step(method, pixels, used))
            step += 1
            seconds = parallel.agree({"s": before_s + time.monotonic() - start})["s"]
            used = budget.used(step, seconds)
            due = _tick(used) > tick
            if due and (samples := method.samples()) is not None:
                losses["spread"] = spread(samples) / max(spread(as_floats(pixels)), 1e-9)
                losses = parallel.agree(losses)
            run.log(step=step, seconds=round(seconds, 3), **losses)
            guards.check(losses, step)
            if watch:
                left = seconds * (1 - used) / used
                watch(
                    Progress(
                        step=step, used=used, seconds=seconds, seconds_left=left, losses=losses
                    )
                )
            if due:
                tick = _tick(used)
                run.preview(step, method.preview())
                run.save_weights(step, method.weights())
            if due or seconds - saved > SAVE_EVERY_S:
                _save(method, batches, run, step, seconds)
                saved = seconds
    except TrainingStoppedError as stop:
        run.log(event="stopped", step=step, reason=str(stop))
        raise
    except KeyboardInterrupt:
        # Nothing is saved here: it may have come in the middle of a step.
        run.log(event="interrupted", step=step)
        raise
    run.log(event="done", step=step)
    return run.checkpoint


def _step(method: Method, pixels: torch.Tensor, used: float) -> dict[str, float]:
    """One step, with random numbers of this process's own and the first one's buffers after it."""
    common = method.noise
    method.noise = parallel.own_noise(common)
    try:
        return method.step(pixels, used)
    finally:
        method.noise = common
        parallel.share_buffers(method.modules.values())


class Guards:
    """Watches the losses and stops a run that can no longer come to anything."""

    def __init__(self) -> None:
        self._dead = self._collapsed = 0

    def check(self, losses: dict[str, float], step: int = 0) -> None:
        """Look at one step's losses.

        Raises:
            TrainingStoppedError: one is not finite; the discriminator's has been nearly zero for
                200 steps (it separates perfectly, and no gradient reaches the generator); or
                samples are far less diverse than real ones at three ticks in a row, from step 300
                on (mode collapse).
        """
        for name, value in losses.items():
            if not math.isfinite(value):
                raise TrainingStoppedError(f"{name} is {value}: the training diverged")
        self._dead = self._dead + 1 if losses.get("loss_d", 1.0) < DEAD_LOSS else 0
        if self._dead >= DEAD_STEPS:
            raise TrainingStoppedError(
                f"the discriminator's loss was under {DEAD_LOSS} for {DEAD_STEPS} steps:"
                " it has won, and the generator learns nothing more"
            )
        if "spread" in losses and step >= COLLAPSED_STEPS:
            self._collapsed = self._collapsed + 1 if losses["spread"] < COLLAPSED else 0
        if self._collapsed >= COLLAPSED_TICKS:
            raise TrainingStoppedError(
                f"samples differ from one another by less than {COLLAPSED:.0%} of what real"
                f" pictures do, {COLLAPSED_TICKS} ticks in a row: the generator has collapsed"
            )


def as_floats(batch: torch.Tensor) -> torch.Tensor:
    """A drawn batch, −1 to 1: uint8 pictures or int16 sound."""
    return batch / 127.5 - 1 if batch.dtype is torch.uint8 else batch / 32_768.0


def spread(pictures: torch.Tensor) -> float:
    """Root mean square distance of pictures [n, …] to their mean, a value; 0 = all the same."""
    flat = pictures.float().flatten(1)
    return float((flat - flat.mean(0)).square().mean().sqrt())


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Layers made inside draw their first weights from `seed`; torch's global state is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _tick(used: float) -> int:
    return math.floor(used * TICKS + 1e-9)


def _save(method: Method, batches: Batches, run: RunFolder, step: int, seconds: float) -> None:
    drawn = json.dumps(batches.rng.bit_generator.state)
    own = parallel.gather(method.own())
    state = {**method.state(), "batches": drawn, "step": step, "seconds": seconds}
    run.save_state(state | {"own": own[1:]})


def _take_up(method: Method, batches: Batches, run: RunFolder) -> tuple[int, float]:
    state = run.load_state()
    if state is None:
        run.rewind(0)
        return 0, 0.0
    method.restore(state | parallel.mine([{}, *state.get("own", [])]))
    batches.rng.bit_generator.state = json.loads(state["batches"])
    run.rewind(state["step"])
    return state["step"], state["seconds"]
