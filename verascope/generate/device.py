"""Where a network trains: CUDA with mixed precision where there is a card, else the CPU.

Both `generate` and `train` use it; nothing in it knows what is trained.
"""

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch

from verascope.errors import UsageError
from verascope.generate import parallel


class Device(NamedTuple):
    """A place to train and the number format it multiplies in.

    `amp` is the autocast type: bfloat16 or float16 on CUDA, None (plain float32) on the CPU, where
    mixed precision costs exactness and gains nothing for networks this small.
    """

    device: torch.device
    amp: torch.dtype | None

    def autocast(self) -> AbstractContextManager[Any]:
        """The context for forward passes and losses; does nothing in float32."""
        return torch.autocast(self.device.type, dtype=self.amp, enabled=self.amp is not None)

    def scaler(self) -> torch.amp.GradScaler:
        """A gradient scaler; disabled (passes everything through) except for float16."""
        return torch.amp.GradScaler(self.device.type, enabled=self.amp is torch.float16)

    def describe(self) -> dict[str, str]:
        """What a run's options should keep, since weights differ between machines."""
        name = "cpu"
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
        return {
            "device": name,
            "amp": str(self.amp).removeprefix("torch.") if self.amp else "none",
            "torch": torch.__version__,
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "threads": str(torch.get_num_threads()),
        }


def pick(name: str = "auto", *, mixed: bool = True) -> Device:
    """Choose a device: `auto` takes CUDA where there is one; else any name torch knows.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:1`, …
        mixed: mixed precision where the device has it.

    Raises:
        UsageError: there is no such device here.
    """
    name = parallel.local_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"no device is called {name!r}; use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device is visible; use --device cpu")
    if device.type != "cuda" or not mixed:
        return Device(device, None)
    return Device(device, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)


def set_threads(threads: int | None) -> None:
    """Bound torch's CPU threads; None leaves torch's own choice."""
    if threads is not None:
        torch.set_num_threads(threads)
