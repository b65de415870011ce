"""DCGAN: a convolutional GAN for small pictures.

Radford, Metz and Chintala 2015 (arXiv 1511.06434): all-convolutional networks, batch norm in the
generator, Adam with β1 = 0.5. Losses of Goodfellow et al. 2014 (arXiv 1406.2661), with the
non-saturating one for the generator. The discriminator's weights are spectrally normalised (Miyato
et al. 2018, arXiv 1802.05957) in place of its batch norm.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils.parametrizations import spectral_norm

from verascope.errors import InputTrouble, UsageError
from verascope.generate.contract import (
    Budget,
    Card,
    Config,
    Data,
    Item,
    Watch,
    item_rng,
)
from verascope.generate.data import Crops, crop, crop_origin, example_pictures, shrink
from verascope.generate.device import Device, pick
from verascope.generate.loop import Method, fit, seeded
from verascope.generate.run import RunFolder, grid, read_weights
from verascope.generate.versions import options
from verascope.result import Modality, Reason

SAMPLE_BATCH = 16  # latents always pass in full batches of this, so that item k never changes


class DcganConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the DCGAN; the defaults are those measured in docs/generating.md."""

    size: Literal[16, 32, 64, 128] = 64
    latent: Annotated[int, Meta(ge=1)] = 100
    width: Annotated[int, Meta(ge=2)] = 16  # channels before the last layer; 8 × that at 4 × 4
    upsampler: Literal["nearest", "transpose"] = "nearest"
    view: Literal["crop", "whole"] = "crop"  # native crops, or the whole picture scaled down
    batch: Annotated[int, Meta(ge=2)] = 32
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-4
    beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    spectral_norm: bool = True
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # moving average of the generator; 0 = none


class Dcgan:
    """A Sampler of `size` px pictures."""

    name: ClassVar[str] = "dcgan"
    modality: ClassVar[Modality] = Modality.IMAGE
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[DcganConfig]] = DcganConfig
    card: ClassVar[Card] = Card(
        summary="A convolutional GAN that samples small pictures from any folder of images.",
        papers=("Radford 2015, arXiv 1511.06434", "Miyato 2018, arXiv 1802.05957"),
        good_for="Teaching, tests, and a source of up-sampling artefacts.",
        traces="A grid of the up-sampler's period; little energy at high frequencies (nearest).",
        limits="After minutes on a CPU it makes textures, not scenes. A linear model on the radial"
        " spectrum separates them perfectly: never train a detector on it alone.",
    )

    def __init__(self, config: DcganConfig | None = None, device: Device | None = None) -> None:
        self.config = config or DcganConfig()
        self._device = device or pick()
        self._network: nn.Module | None = None

    @classmethod
    def tiny(cls) -> "Dcgan":
        """16 px, width 4, with a moving average."""
        return cls(DcganConfig(size=16, latent=8, width=4, batch=8, ema=0.5), pick("cpu"))

    def examples(self) -> list[Item]:
        """Eight drawn pictures, twice as large as a sample."""
        return example_pictures(2 * self.config.size)

    def train(
        self, data: Data, budget: Budget, *, seed: int, out: Path, watch: Watch | None = None
    ) -> Path:
        """Train on random crops of the data; see Generator."""
        crops = Crops(data, self.config.size, seed, whole=self.config.view == "whole")
        with RunFolder(out, options(self, data, budget, seed, self._device)) as run:
            checkpoint = fit(_Training(self.config, seed, self._device), crops, budget, run, watch)
        self.load(checkpoint)
        return checkpoint

    def load(self, checkpoint: Path) -> None:
        """Take the weights of a checkpoint; see Generator."""
        network = make_generator(self.config)
        network.load_state_dict(read_weights(checkpoint, self.name, self.config))
        self._network = network.to(self._device.device).eval()

    def sample(self, n: int, seed: int, *, start: int = 0) -> Iterator[Item]:
        """Items `start` to `start + n - 1`, uint8 [size, size, 3]; see Sampler."""
        if self._network is None:
            raise UsageError("load a checkpoint (or train) before sampling")
        first = start - start % SAMPLE_BATCH
        for low in range(first, start + n, SAMPLE_BATCH):
            keys = range(low, low + SAMPLE_BATCH)
            z = np.stack([item_rng(seed, k).standard_normal(self.config.latent) for k in keys])
            latents = torch.from_numpy(z.astype(np.float32)).to(self._device.device)
            with torch.inference_mode():
                pictures = to_pixels(self._network(latents))
            for key, media in zip(keys, pictures, strict=True):
                if start <= key < start + n:
                    yield Item(media=media, key=key, source=self.name)

    def real(self, item: Item, rng: np.random.Generator) -> Item:
        """A random crop of the real item, as the discriminator saw them; see Sampler."""
        size = self.config.size
        media = shrink(item.media, size) if self.config.view == "whole" else item.media
        if min(media.shape[:2]) < size:
            raise InputTrouble(Reason.TOO_LITTLE_CONTENT)
        window, (x, y) = crop(media, size, size, rng)
        return replace(item, media=window, origin=crop_origin(item.origin, size, size, x, y))


class _Training(Method):
    """The two networks, their optimisers, and one step of the game."""

    def __init__(self, config: DcganConfig, seed: int, device: Device) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        with seeded(seed):
            g, d = make_generator(config), make_discriminator(config)
        self.noise = torch.Generator().manual_seed(seed)
        self._preview_z = torch.randn(64, config.latent, generator=self.noise).to(device.device)
        self.modules = {"g": g.to(device.device), "d": d.to(device.device)}
        if config.ema:
            self.modules["ema"] = copy.deepcopy(g).requires_grad_(False)
        self.optimisers = {
            name: torch.optim.Adam(
                network.parameters(), lr=config.learning_rate, betas=(config.beta1, 0.999)
            )
            for name, network in (("g", g), ("d", d))
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of D, then one of G."""
        g, d = self.modules["g"], self.modules["d"]
        real = from_pixels(batch)
        z = torch.randn(len(batch), self._config.latent, generator=self.noise)
        with self.device.autocast():
            fake = g(z.to(self.device.device))
            # D maximises log D(x) + log(1 − D(G(z))); with D = σ(logit), −log D = softplus(−logit).
            loss_d = (softplus(-d(real)) + softplus(d(fake.detach()))).mean()
        self.update("d", loss_d)
        with self.device.autocast():
            # G maximises log D(G(z)), the non-saturating form.
            loss_g = softplus(-d(fake)).mean()
        self.update("g", loss_g)
        if self._config.ema:
            average(self.modules["ema"], g, self._config.ema)
        return {"loss_d": loss_d.item(), "loss_g": loss_g.item()}

    def preview(self) -> NDArray[np.uint8]:
        """64 samples of the same latents, 8 a row."""
        network = self.modules.get("ema", self.modules["g"]).eval()
        with torch.inference_mode():
            pictures = to_pixels(network(self._preview_z))
        network.train()
        return grid(pictures, 8)

    def weights(self) -> dict[str, Tensor]:
        """The generator's, or its moving average's."""
        return self.modules.get("ema", self.modules["g"]).state_dict()


def make_generator(config: DcganConfig) -> nn.Module:
    """Latents float32 [n, latent] to pictures [n, 3, size, size], −1 to 1."""
    levels = config.size.bit_length() - 3  # doublings from 4 × 4 to size
    channels = [config.width * 2 ** max(0, levels - 1 - i) for i in range(levels)]
    layers: list[nn.Module] = [
        nn.Unflatten(1, (config.latent, 1, 1)),
        nn.ConvTranspose2d(config.latent, channels[0], 4, bias=False),
        nn.BatchNorm2d(channels[0]),
        nn.ReLU(inplace=True),
    ]
    for before, after in zip(channels, [*channels[1:], 3], strict=True):
        layers += _doubling(before, after, config.upsampler)
        if after != 3:
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    network = nn.Sequential(*layers, nn.Tanh())
    network.apply(_normal_weights)
    return network


def make_discriminator(config: DcganConfig) -> nn.Module:
    """Pictures [n, 3, size, size], −1 to 1, to logits [n]: above 0 means real."""
    levels = config.size.bit_length() - 3
    channels = [3, *(config.width * 2**i for i in range(levels))]
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    network = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4), nn.Flatten(0))
    network.apply(_normal_weights)
    if config.spectral_norm:
        for layer in network:
            if isinstance(layer, nn.Conv2d):
                spectral_norm(layer)
    return network


def average(mean: nn.Module, latest: nn.Module, decay: float) -> None:
    """Move `mean` towards `latest`: mean ← decay · mean + (1 − decay) · latest; buffers are copied.

    Both modules have the same structure.
    """
    with torch.no_grad():
        for kept, new in zip(mean.parameters(), latest.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept_buffer, new_buffer in zip(mean.buffers(), latest.buffers(), strict=True):
            kept_buffer.copy_(new_buffer)


def from_pixels(batch: Tensor) -> Tensor:
    """uint8 [n, 3, h, w] to float32, −1 to 1."""
    return batch.float() / 127.5 - 1


def to_pixels(batch: Tensor) -> NDArray[np.uint8]:
    """Floats [n, 3, h, w], −1 to 1, to uint8 [n, h, w, 3]."""
    pixels = ((batch.float() + 1) * 127.5).round().clamp(0, 255).byte()
    return np.asarray(pixels.permute(0, 2, 3, 1).cpu().numpy())


def _doubling(before: int, after: int, upsampler: str) -> list[nn.Module]:
    last = after == 3  # no batch norm follows, so it has a bias of its own
    if upsampler == "transpose":
        return [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=last)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, 1, 1, bias=last)]


def _normal_weights(layer: nn.Module) -> None:
    # Radford 2015, section 4: weights from N(0, 0.02).
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
