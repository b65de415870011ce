"""The optimisation loop: a recipe, items and a seed to a network; resumable to the same losses.

AdamW (Loshchilov & Hutter 2019) with a cosine schedule and a moving average of the weights, as in
the discriminator trainings of the StyleGAN line. What a step does depends on the seed and the
step's number alone, so a run that was stopped goes on as if it had not been.
"""

import csv
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verascope.generate.device import Device
from verascope.train import checkpoint, from_gan
from verascope.train.degrade import training_crop
from verascope.train.network import Discriminator
from verascope.train.pixels import PixelStore
from verascope.train.recipe import Recipe
from verascope.train.sampling import Sampler

LOG = "log.csv"
CHECKPOINT = "checkpoint.safetensors"
LOG_EVERY = 10  # steps
SAVE_EVERY = 200  # steps


@dataclass(frozen=True)
class Progress:
    """One line of the log: where the run stands. Seconds are of this process."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    images: int
    seconds: float
    seconds_left: float


class Schedule(Protocol):
    """What every recipe of an optimisation says; read by `loop` and `State`."""

    @property
    def seed(self) -> int:
        """Decides, with a step's number, what the step does."""

    @property
    def steps(self) -> int:
        """Optimisation steps."""

    @property
    def batch(self) -> int:
        """Items a step."""

    @property
    def learning_rate(self) -> float:
        """The highest, after the warm-up."""

    @property
    def weight_decay(self) -> float:
        """Of matrices."""

    @property
    def warm_up(self) -> float:
        """Share of the steps."""

    @property
    def smoothing(self) -> float:
        """Of labels."""

    @property
    def ema(self) -> float:
        """Decay of the weights' moving average."""


class Drawn(Protocol):
    """Where the batches of a training come from."""

    def __call__(self, step: int, share: float) -> tuple[Tensor, ...]:
        """The input of a step, its labels and what else the loss takes."""

    def close(self) -> None:
        """Let its threads end."""


@dataclass(frozen=True)
class Budget:
    """When a run ends: after the recipe's steps, or after seconds (not reproducible)."""

    seconds: float | None = None


def fit(
    recipe: Recipe,
    store: PixelStore,
    chosen: list[int],
    out: Path,
    device: Device,
    *,
    targets: NDArray[np.float32] | None = None,
    budget: Budget | None = None,
    workers: int = 1,
    report: Callable[[Progress], None] = lambda _: None,
) -> nn.Module:
    """Train a network; returns its moving average, in evaluation mode on the CPU.

    Args:
        recipe: what to do.
        store: the pixels of all items.
        chosen: positions in the store of the items to train on.
        out: folder for the log and the checkpoint; a checkpoint found there is gone on from.
        device: where to compute, and in which precision.
        targets: what a teacher says of each chosen item, float32 [n], 0 to 1.
        budget: stop after seconds instead of the recipe's steps.
        workers: threads that prepare crops.
        report: called with each line of the log.
    """
    return loop(
        recipe,
        State(recipe, device, lambda: first(recipe)),
        Batches(recipe, store, chosen, workers, targets),
        out,
        budget=budget,
        report=report,
    )


def loop(
    recipe: Schedule,
    state: "State",
    batches: "Drawn",
    out: Path,
    *,
    budget: Budget | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> nn.Module:
    """The steps of any training, of pictures or of sound; see `fit`. Closes the batches."""
    out.mkdir(parents=True, exist_ok=True)
    start = checkpoint.load(out / CHECKPOINT, state) if (out / CHECKPOINT).is_file() else 0
    clock = Clock(recipe.steps, start, (budget or Budget()).seconds)
    with (
        closing(batches),
        (out / LOG).open("a", encoding="utf-8", newline="") as file,
    ):
        log = csv.DictWriter(file, [field.name for field in fields(Progress)])
        if file.tell() == 0:
            log.writeheader()
        step, losses = start, []
        while not clock.over(step):
            losses.append(state.step(step, clock.share(step), *batches(step, clock.share(step))))
            step += 1
            if step % LOG_EVERY == 0 or clock.over(step):
                line = clock.progress(step, float(np.mean(losses)), state.rate, recipe.batch)
                log.writerow(asdict(line))
                file.flush()
                report(line)
                losses = []
            if step % SAVE_EVERY == 0 or clock.over(step):
                checkpoint.save(out / CHECKPOINT, state, step)
    return state.average.cpu().eval()


class State:
    """All that a step changes: weights, their moving average, the optimiser's moments."""

    def __init__(self, recipe: Schedule, device: Device, make: Callable[[], nn.Module]) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = device
        self.scaler = device.scaler()
        self.network = _on(make(), device.device).train()
        self.average = _on(make(), device.device).eval()
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(
            _groups(self.network, recipe.weight_decay), lr=recipe.learning_rate
        )
        self.rate = 0.0

    def step(self, number: int, share: float, *batch: Tensor) -> float:
        """One optimisation step on what `loss` takes; its loss."""
        torch.manual_seed(self.recipe.seed * 1_000_003 + number)  # dropout
        self.rate = _rate(self.recipe, share)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        loss = self.loss(*batch)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._follow(min(self.recipe.ema, (1 + number) / (10 + number)))
        return loss.item()

    def loss(self, *batch: Tensor) -> Tensor:
        """Of crops uint8 [n, h, w, 3] and labels float32 [n]."""
        crops, labels = batch
        return self.judged(crops.to(self.device.device).permute(0, 3, 1, 2).float(), labels)[0]

    def judged(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Binary cross-entropy against smoothed labels (Szegedy et al. 2016), and the logits."""
        with self.device.autocast():
            logits = self.network(inputs).float()
        smoothing = self.recipe.smoothing
        smooth = labels.to(self.device.device) * (1 - smoothing) + smoothing / 2
        return nn.functional.binary_cross_entropy_with_logits(logits, smooth), logits

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        """Average ← decay · average + (1 − decay) · network, of weights and of statistics."""
        fresh = self.network.state_dict()
        for name, old in self.average.state_dict().items():
            if old.dtype.is_floating_point:
                old.lerp_(fresh[name], 1 - decay)
            else:
                old.copy_(fresh[name])


class Batches:
    """The batch of a step: augmented crops and labels."""

    def __init__(
        self,
        recipe: Recipe,
        store: PixelStore,
        chosen: list[int],
        workers: int,
        targets: NDArray[np.float32] | None,
    ) -> None:
        self.recipe = recipe
        self.store = store
        self.chosen = chosen
        items = [store.items[index] for index in chosen]
        self.labels = np.array([item.row.label == "synthetic" for item in items], np.float32)
        if targets is not None:
            self.labels += np.float32(recipe.taught) * (targets - self.labels)
        self.sampler = Sampler(items, recipe.batch, recipe.seed)
        self.pool = ThreadPoolExecutor(workers) if workers > 1 else None

    def __call__(self, step: int, share: float) -> tuple[Tensor, Tensor]:
        """Crops uint8 [n, side, side, 3] and labels float32 [n] (1 is synthetic)."""
        recipe = self.recipe
        side = recipe.final_crop if share >= 1 - recipe.final_share else recipe.crop
        drawn = self.sampler.draw(step)

        def cut(one: tuple[int, int]) -> np.ndarray:
            pixels = self.store[self.chosen[one[0]]]
            return training_crop(pixels, side, recipe.fates, np.random.default_rng(one[1]))

        crops = list(self.pool.map(cut, drawn) if self.pool else map(cut, drawn))
        return torch.from_numpy(np.stack(crops)), torch.from_numpy(
            self.labels[[i for i, _ in drawn]]
        )

    def close(self) -> None:
        """Let the threads end."""
        if self.pool:
            self.pool.shutdown()


class Clock:
    """How far a run is, by steps or by seconds."""

    def __init__(self, steps: int, start: int, seconds: float | None) -> None:
        self.steps = steps
        self.start = start
        self.seconds = seconds
        self.began = time.monotonic()

    def share(self, step: int) -> float:
        """The part of the run that lies behind, 0 to 1."""
        done = self._passed() / self.seconds if self.seconds else step / max(1, self.steps)
        if not self.steps:  # a network that is taken as it is
            return 1.0
        return min(1.0, done)

    def over(self, step: int) -> bool:
        """Whether the run ends before this step."""
        return self.share(step) >= 1

    def progress(self, step: int, loss: float, rate: float, batch: int) -> Progress:
        """The line of the log after this step."""
        passed = self._passed()
        each = passed / max(1, step - self.start)
        left = self.seconds - passed if self.seconds else each * (self.steps - step)
        steps = step + round(left / each) if self.seconds else self.steps
        return Progress(
            step=step,
            steps=steps,
            loss=round(loss, 6),
            learning_rate=rate,
            images=step * batch,
            seconds=round(passed, 1),
            seconds_left=round(max(0.0, left), 1),
        )

    def _passed(self) -> float:
        return time.monotonic() - self.began


def first(recipe: Recipe) -> nn.Module:
    """The network before its first step."""
    if not recipe.start:
        return Discriminator(recipe.architecture)
    return from_gan.load(Path(recipe.start), random=recipe.start_random)


def _on(network: nn.Module, device: torch.device) -> nn.Module:
    """On the device, channels last: the layout that convolutions are fastest in."""
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weights decay; gains, offsets and biases do not."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _rate(recipe: Schedule, share: float) -> float:
    """Linear warm-up, then half a cosine to zero."""
    if share < recipe.warm_up:
        return recipe.learning_rate * (share + 1e-3) / recipe.warm_up
    angle = math.pi * (share - recipe.warm_up) / (1 - recipe.warm_up)
    return recipe.learning_rate * (1 + math.cos(angle)) / 2
