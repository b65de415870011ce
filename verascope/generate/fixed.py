"""Methods that learn nothing: signal processing, ready as soon as it is constructed.

They fulfil the Generator protocol all the same, so that run folders, corpora and their hashes are
alike for all: `train` writes a checkpoint without tensors at once and spends no budget.
"""

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from verascope.generate import parallel
from verascope.generate.contract import Budget, Config, Data, Watch
from verascope.generate.device import Device
from verascope.generate.run import RunFolder
from verascope.generate.sound_base import SoundTransformer
from verascope.generate.versions import options


class Fixed(SoundTransformer):
    """A SoundTransformer without weights; what it draws for an item depends on seed and key."""

    def __init__(self, config: Config | None = None, device: Device | None = None) -> None:
        super().__init__(config, device)
        self._loaded = self.network()

    def network(self) -> nn.Module:
        """A module without parameters."""
        return nn.Identity()

    def train(
        self, data: Data, budget: Budget, *, seed: int, out: Path, watch: Watch | None = None
    ) -> Path:
        """Write options and the empty checkpoint; nothing is learned from the data."""
        made: Any = self  # a subclass is a Generator, this class alone is not
        how = options(made, data, budget, seed, self.device)
        with parallel.together(self.device.device), RunFolder(out, how) as run:
            run.log(event="started", step=0)
            run.save_weights(0, {})
            run.log(event="done", step=0)
        return run.checkpoint


def one_of(rng: np.random.Generator, values: tuple[int, ...]) -> int:
    """One of the values, each as likely."""
    return values[int(rng.integers(len(values)))]


def between(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    """A number between the two ends, each as likely."""
    return float(rng.uniform(*ends))
