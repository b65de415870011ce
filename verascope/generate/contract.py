"""What a generator is: the protocols that built-in and third-party generators fulfil.

Imports no torch, so that listing generators and reading their configs starts at once.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.errors import UsageError, VerascopeError
from verascope.result import Modality

Array: TypeAlias = NDArray[Any]


class TrainingStoppedError(VerascopeError):
    """A guard stopped a training; the message says why, the run folder keeps the last state."""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every generator's options. Frozen, so that its hash names what was made with it."""

    def sha256(self) -> str:
        """Hash of the canonical JSON (keys sorted, no spaces), hex."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class Card(Struct, frozen=True, kw_only=True):
    """What people should know before they use a generator's output.

    `cost` is what a training with the defaults takes: seconds of one core a step, peak memory.
    """

    summary: str
    papers: tuple[str, ...]
    good_for: str
    traces: str
    limits: str
    cost: str = "not measured"


class Budget(Struct, frozen=True, kw_only=True):
    """How long to train: in steps (the same run every time) or in seconds of wall clock.

    Raises:
        UsageError: not exactly one of the two is given, or it is not positive.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise UsageError("give a budget in steps or in seconds, and only one of them")
        if (self.steps or self.seconds or 0) <= 0:
            raise UsageError("a budget must be more than zero")

    def used(self, step: int, seconds: float) -> float:
        """The share that is used after so many steps and seconds, 0 to 1; schedules follow it."""
        share = step / self.steps if self.steps else seconds / (self.seconds or 1.0)
        return min(1.0, share)


@dataclass(frozen=True)
class Item:
    """One medium on its way in or out of a generator.

    Attributes:
        media: pictures: uint8 [h, w, 3], RGB; sound: int16 [n], mono, 16 kHz.
        key: the item's number; what is drawn for it depends on this and the seed, never on its
            neighbours in a batch.
        pair: names a group of files with the same content; kept by a Transformer.
        source: the collection that the content is from; all of it lies in one split.
        split: train or dev.
        origin: where exactly the content is from.
        licence: of the content.
        kind: photo, art, … as in the manifest.
        mask: uint8 [h, w, 3], white where a part of a real picture was made; None: all of it.
        spans: start and end, in seconds, of what was made in a real recording; none: all of it.
    """

    media: Array
    key: int = 0
    pair: str = ""
    source: str = ""
    split: str = "train"
    origin: str = ""
    licence: str = ""
    kind: str = ""
    mask: Array | None = None
    spans: tuple[tuple[float, float], ...] = ()


class Data(Protocol):
    """Real media to train on: a sequence that opens each item when it is asked for."""

    @property
    def sha256(self) -> str:
        """Hash over all content, hex: the same hash means the same data in the same order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Item:
        """Open one item.

        Raises:
            InputTrouble: it cannot be read; a trainer passes on to another.
        """

    def __iter__(self) -> Iterator[Item]:
        return (self[k] for k in range(len(self)))


class Progress(Struct, frozen=True, kw_only=True):
    """Where a training stands, for whoever watches it."""

    step: int
    used: float
    seconds: float
    seconds_left: float
    losses: dict[str, float]


Watch: TypeAlias = Callable[[Progress], None]


@runtime_checkable
class Generator(Protocol):
    """One method of making media, in one file. Construction does no I/O."""

    name: ClassVar[str]
    modality: ClassVar[Modality]
    family: ClassVar[str]  # gan, autoencoder, vocoder, autoregressive, …
    card: ClassVar[Card]
    config_type: ClassVar[type[Any]]

    @property
    def config(self) -> Config:
        """The resolved options."""

    @classmethod
    def tiny(cls) -> Self:
        """A preset that trains in a second on the CPU; for tests."""

    def examples(self) -> list[Item]:
        """A few media that it can be trained on; tests, demos and docs are made from them."""

    def train(
        self, data: Data, budget: Budget, *, seed: int, out: Path, watch: Watch | None = None
    ) -> Path:
        """Train in the run folder `out`, going on from its last state; returns the checkpoint.

        Raises:
            UsageError: `out` holds a run with other data, config or seed.
            TrainingStoppedError: a guard saw that it diverged.
        """

    def load(self, checkpoint: Path) -> None:
        """Take the weights of a checkpoint (safetensors) that this config made."""


@runtime_checkable
class Sampler(Generator, Protocol):
    """Makes media from nothing."""

    def sample(self, n: int, seed: int, *, start: int = 0) -> Iterator[Item]:
        """Items `start` to `start + n - 1`; item k is the same for every start and n."""

    def real(self, item: Item, rng: np.random.Generator) -> Item:
        """A real item in the form that samples have (size above all), for a corpus of both.

        Raises:
            InputTrouble: it is too small for that.
        """


@runtime_checkable
class Transformer(Generator, Protocol):
    """Makes media from real ones: reconstructors, vocoders, upscalers.

    `aligned` promises twins that differ from their originals in the generator's traces alone;
    the corpus writer holds it to that.
    """

    @property
    def aligned(self) -> bool:
        """Whether the outputs are meant as aligned twins."""

    def transform(self, items: Iterable[Item], seed: int) -> Iterator[Item]:
        """Each item's counterpart, in order, of the same size and `pair`."""


def item_rng(seed: int, *key: int) -> np.random.Generator:
    """The random numbers of one item, independent of batch and order.

    `key` is the item's number, with a second one where an item needs several streams.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def read_config(kind: type[Config], file: Path | None) -> Config:
    """A config from a TOML file; fields that it leaves out keep their default.

    Raises:
        UsageError: the file cannot be read or a field is wrong; names file and field.
    """
    if file is None:
        return kind()
    try:
        return msgspec.toml.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{file}: {error}") from error
