"""What the built-in generators share: a loaded network, a run folder, and how outputs leave it.

A family brings `network()` (what a checkpoint holds) and `method()` (its training); a Transformer
also `counterpart()`. Nothing here knows a paper.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from verascope.errors import InputTrouble, UsageError
from verascope.generate import parallel
from verascope.generate.contract import Array, Budget, Card, Config, Data, Item, Watch, item_rng
from verascope.generate.data import crop, crop_origin, example_pictures, shrink
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, fit
from verascope.generate.run import RunFolder, read_weights
from verascope.generate.versions import options
from verascope.result import Modality, Reason

SAMPLE_BATCH = 16  # latents always pass in full batches of this, so that item k never changes


class Base:
    """A generator around one network; of pictures, unless a subclass says otherwise."""

    name: ClassVar[str]
    modality: ClassVar[Modality] = Modality.IMAGE
    family: ClassVar[str]
    card: ClassVar[Card]
    config_type: ClassVar[type[Any]]
    config: Config

    def __init__(self, config: Config | None = None, device: Device | None = None) -> None:
        self.config = config or self.config_type()
        self.device = device or pick()
        self._loaded: nn.Module | None = None

    def network(self) -> nn.Module:
        """The network that a checkpoint holds, untrained."""
        raise NotImplementedError

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """Its training and the stream of batches for it."""
        raise NotImplementedError

    def train(
        self, data: Data, budget: Budget, *, seed: int, out: Path, watch: Watch | None = None
    ) -> Path:
        """Train in the run folder `out`; see Generator."""
        made: Any = self  # a subclass is a Generator, this class alone is not
        how = options(made, data, budget, seed, self.device)
        with parallel.together(self.device.device), RunFolder(out, how) as run:
            method, batches = self.method(data, seed)
            checkpoint = fit(method, batches, budget, run, watch)
        self.load(checkpoint)
        return checkpoint

    def load(self, checkpoint: Path) -> None:
        """Take the weights of a checkpoint; see Generator."""
        network = self.network()
        network.load_state_dict(read_weights(checkpoint, self.name, self.config))
        self._loaded = network.to(self.device.device).eval()

    def adopt(self, other: "Base") -> None:
        """Take the loaded network of another generator, whose config made the same one."""
        self._loaded = other.ready()

    def ready(self) -> nn.Module:
        """The loaded network.

        Raises:
            UsageError: there are no weights yet.
        """
        if self._loaded is None:
            raise UsageError(f"load a checkpoint (or train) before {self.name} makes anything")
        return self._loaded


class LatentSampler(Base):
    """A Sampler from normal latents; the config has `latent`. What it samples, a subclass says."""

    @property
    def latent(self) -> int:
        """Length of a latent vector."""
        return int(self._options.latent)

    @property
    def _options(self) -> Any:
        return self.config  # a subclass's, which has these fields

    def decode(self, latents: Tensor) -> Tensor:
        """Latents float32 [n, latent] to n media as floats, −1 to 1."""
        decoded: Tensor = self.ready()(latents)
        return decoded

    def media(self, decoded: Tensor) -> Iterable[Array]:
        """What decode() returned, as media of Items."""
        raise NotImplementedError

    def sample(self, n: int, seed: int, *, start: int = 0) -> Iterator[Item]:
        """Items `start` to `start + n - 1`; see Sampler."""
        self.ready()
        first = start - start % SAMPLE_BATCH
        for low in range(first, start + n, SAMPLE_BATCH):
            keys = range(low, low + SAMPLE_BATCH)
            z = np.stack([item_rng(seed, k).standard_normal(self.latent) for k in keys])
            latents = torch.from_numpy(z.astype(np.float32)).to(self.device.device)
            with torch.inference_mode():
                made = self.media(self.decode(latents))
            for key, media in zip(keys, made, strict=True):
                if start <= key < start + n:
                    yield Item(media=media, key=key, source=self.name)


class PictureSampler(LatentSampler):
    """A Sampler of square pictures from normal latents."""

    @property
    def side(self) -> int:
        """Of a sample, px; the config's `size`."""
        return int(self._options.size)

    @property
    def whole(self) -> bool:
        """Whether real pictures are scaled down to the side; else they are native crops."""
        return bool(self._options.view == "whole")

    def examples(self) -> list[Item]:
        """Eight drawn pictures, twice as large as a sample; see Generator."""
        return example_pictures(2 * self.side)

    def media(self, decoded: Tensor) -> Iterable[Array]:
        """Pictures [n, 3, side, side], −1 to 1, as uint8 [side, side, 3] each."""
        return to_pixels(decoded)

    def real(self, item: Item, rng: np.random.Generator) -> Item:
        """A random crop of the real item, as the discriminator saw them; see Sampler."""
        side = self.side
        media = shrink(item.media, side) if self.whole else item.media
        if min(media.shape[:2]) < side:
            raise InputTrouble(Reason.TOO_LITTLE_CONTENT)
        window, (x, y) = crop(media, side, side, rng)
        return replace(item, media=window, origin=crop_origin(item.origin, side, side, x, y))


class PictureTransformer(Base):
    """A Transformer that takes pictures one by one."""

    @property
    def aligned(self) -> bool:
        """Whether its outputs are meant as aligned twins."""
        return False

    def examples(self) -> list[Item]:
        """Eight drawn pictures, larger than the config's `crop`, with odd sides; see Generator."""
        options: Any = self.config  # a subclass's, which has this field
        return example_pictures(2 * options.crop + 1)

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """What it makes of one item, of the same size; `rng` is the item's own."""
        raise NotImplementedError

    def transform(self, items: Iterable[Item], seed: int) -> Iterator[Item]:
        """Each item's counterpart, in order; see Transformer."""
        for item in items:
            self.ready()
            yield self.counterpart(item, item_rng(seed, item.key))


def from_pixels(batch: Tensor) -> Tensor:
    """uint8 [n, 3, h, w] to float32, −1 to 1."""
    return batch.float() / 127.5 - 1


def to_pixels(batch: Tensor) -> NDArray[np.uint8]:
    """Floats [n, 3, h, w], −1 to 1, to uint8 [n, h, w, 3]."""
    pixels = ((batch.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return np.asarray(pixels.permute(0, 2, 3, 1).cpu().numpy())


def as_tensor(media: Array, device: Device) -> Tensor:
    """uint8 [h, w, 3] to float32 [1, 3, h, w], −1 to 1, on the device."""
    x = torch.from_numpy(media.transpose(2, 0, 1).copy())[None]
    return from_pixels(x.to(device.device))


def any_size(network: nn.Module, x: Tensor, multiple: int) -> Tensor:
    """A network's output for pictures of any size: mirrored out to a multiple, cut back."""
    height, width = x.shape[-2:]
    padded = pad(x, (0, -width % multiple, 0, -height % multiple), mode="reflect")
    result: Tensor = network(padded)
    return result[..., :height, :width]


def average(mean: nn.Module, latest: nn.Module, decay: float) -> None:
    """Move `mean` towards `latest`: mean ← decay · mean + (1 − decay) · latest; buffers are copied.

    Both modules have the same structure.
    """
    with torch.no_grad():
        for kept, new in zip(mean.parameters(), latest.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept_buffer, new_buffer in zip(mean.buffers(), latest.buffers(), strict=True):
            kept_buffer.copy_(new_buffer)
