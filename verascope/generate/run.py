"""A run folder, which tells everything about one training and lets it go on after a kill.

options.json           config, its hash, budget, seed, data hash, device, versions
log.jsonl              one line a step (losses), and events: started, resumed, stopped, done
previews/NNNNNN.png    the same latents or crops at every tick
snapshots/NNNNNN.safetensors, generator.safetensors   weights to sample from
state.pt               everything needed to go on to the same losses
report.json            the self-test of the finished generator
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save

from verascope.errors import UsageError
from verascope.generate.contract import Config
from verascope.generate.parallel import leads

CHECKPOINT = "generator.safetensors"
METADATA = "verascope"
# What must be the same for a run to go on; the budget may grow.
IDENTITY = ("generator", "config_sha256", "seed", "data_sha256")


class RunFolder:
    """The files of one run. The log is open while the run is; a context manager.

    Where several processes train together, the first alone writes.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        """Nothing is written before `__enter__`."""
        self.folder = folder
        self.options = dict(options)
        self._log: BinaryIO | None = None

    def __enter__(self) -> "RunFolder":
        """Make the folder, or check that it holds this very run.

        Raises:
            UsageError: it holds another run.
        """
        listed = self.folder / "options.json"
        if listed.is_file():
            before = json.loads(listed.read_bytes())
            for field in IDENTITY:
                if before.get(field) != self.options[field]:
                    raise UsageError(
                        f"{self.folder} holds a run with another {field}"
                        f" ({before.get(field)}, now {self.options[field]}): choose another --out"
                    )
        if not leads():
            return self
        for name in ("previews", "snapshots"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        write_json(listed, self.options)
        self._log = (self.folder / "log.jsonl").open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()

    @property
    def checkpoint(self) -> Path:
        """The weights to sample from."""
        return self.folder / CHECKPOINT

    def log(self, **fields: Any) -> None:
        """Add a line to log.jsonl."""
        if not leads():
            return
        assert self._log is not None
        self._log.write(msgspec.json.encode(fields) + b"\n")
        if "event" in fields:
            self._log.flush()

    def rewind(self, step: int) -> None:
        """Drop the log's lines after `step`: those steps will be made, and logged, again."""
        if not leads():
            return
        assert self._log is not None
        self._log.close()
        file = self.folder / "log.jsonl"
        kept = [line for line in file.read_bytes().splitlines(True) if _step(line) <= step]
        write_atomically(file, b"".join(kept))
        self._log = file.open("ab")

    def preview(self, step: int, pixels: NDArray[np.uint8]) -> None:
        """Save a picture (uint8 [h, w, 3]) of what the generator makes now."""
        if not leads():
            return
        Image.fromarray(pixels).save(self.folder / "previews" / f"{step:06d}.png")

    def save_weights(self, step: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Write a snapshot and make it the run's checkpoint."""
        if not leads():
            return
        facts = {name: self.options[name] for name in ("generator", "config_sha256")}
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        # One key: safetensors writes several in an order that changes from process to process.
        content = save(plain, metadata={METADATA: json.dumps({**facts, "step": step})})
        write_atomically(self.folder / "snapshots" / f"{step:06d}.safetensors", content)
        write_atomically(self.checkpoint, content)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write all that is needed to go on: tensors, numbers and strings only."""
        if not leads():
            return
        part = self.folder / "state.pt.part"
        with part.open("wb") as out:
            torch.save(dict(state), out)
            out.flush()
            os.fsync(out.fileno())
        part.replace(self.folder / "state.pt")
        if self._log is not None:
            self._log.flush()

    def load_state(self) -> dict[str, Any] | None:
        """The last saved state, on the CPU; None for a new run."""
        file = self.folder / "state.pt"
        if not file.is_file():
            return None
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        return state


def read_weights(checkpoint: Path, name: str, config: Config) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint, after a check that this generator and config made it.

    Raises:
        UsageError: it is none, or another generator or config made it.
    """
    try:
        with safe_open(checkpoint, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own type, OSError and more
        raise UsageError(f"{checkpoint} is not a checkpoint: {error}") from error
    expected = {"generator": name, "config_sha256": config.sha256()}
    for field, value in expected.items():
        if facts.get(field) != value:
            raise UsageError(f"{checkpoint} is of another {field}: {facts.get(field)}, not {value}")
    return weights


def write_json(file: Path, value: Any) -> None:
    """Write JSON for people and machines, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_atomically(file, text.encode())


def write_atomically(file: Path, content: bytes) -> None:
    """The file has its old content or all of the new, whatever happens."""
    part = file.with_name(file.name + ".part")
    with part.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def grid(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Images uint8 [n, h, w, 3] as one sheet, row by row, black where one is missing."""
    n, height, width, _ = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, height, width, 3), np.uint8)
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    return sheet.reshape(rows * height, columns * width, 3)


def _step(line: bytes) -> float:
    try:
        return float(msgspec.json.decode(line).get("step", 0))
    except (msgspec.DecodeError, AttributeError):  # a line that a kill cut off
        return float("inf")
