"""DCGAN: a convolutional GAN for small pictures.

Radford, Metz and Chintala 2015 (arXiv 1511.06434): all-convolutional networks, batch norm in the
generator, Adam with β1 = 0.5. Losses of Goodfellow et al. 2014 (arXiv 1406.2661), with the
non-saturating one for the generator. The discriminator's weights are spectrally normalised (Miyato
et al. 2018, arXiv 1802.05957) in place of its batch norm.
"""

import copy
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils.parametrizations import spectral_norm

from verascope.generate.base import PictureSampler, average, from_pixels, to_pixels
from verascope.generate.contract import Card, Config, Data
from verascope.generate.data import Crops
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.run import grid
from verascope.generate.upsample import doubling


class DcganConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the DCGAN; the defaults are those measured in docs/generating.md."""

    size: Literal[16, 32, 64, 128] = 64
    latent: Annotated[int, Meta(ge=1)] = 100
    width: Annotated[int, Meta(ge=2)] = 16  # channels before the last layer; 8 × that at 4 × 4
    upsampler: Literal["nearest", "transpose", "shuffle"] = "nearest"
    view: Literal["crop", "whole"] = "crop"  # native crops, or the whole picture scaled down
    batch: Annotated[int, Meta(ge=2)] = 32
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-4
    beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    spectral_norm: bool = True
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # moving average of the generator; 0 = none


class Dcgan(PictureSampler):
    """A Sampler of `size` px pictures."""

    name: ClassVar[str] = "dcgan"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[DcganConfig]] = DcganConfig
    card: ClassVar[Card] = Card(
        summary="A convolutional GAN that samples small pictures from any folder of images.",
        papers=("Radford 2015, arXiv 1511.06434", "Miyato 2018, arXiv 1802.05957"),
        good_for="Teaching, tests, and a source of up-sampling artefacts.",
        traces="A grid of the up-sampler's period; little energy at high frequencies (nearest).",
        limits="After minutes on a CPU it makes textures, not scenes. A linear model on the radial"
        " spectrum separates them perfectly: never train a detector on it alone.",
        cost="0.21 s of a core a step, 480 MiB; textures after 1,000 steps, skies after 3,000.",
    )

    config: DcganConfig

    @classmethod
    def tiny(cls) -> "Dcgan":
        """16 px, width 4, with a moving average."""
        return cls(DcganConfig(size=16, latent=8, width=4, batch=8, ema=0.5), pick("cpu"))

    def network(self) -> nn.Module:
        """The generator."""
        return make_generator(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The game, on random crops of the data."""
        crops = Crops(data, self.config.size, seed, whole=self.whole)
        return _Training(self.config, seed, self.device), crops


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
        return grid(to_pixels(self.samples()), 8)

    def samples(self) -> Tensor:
        """Samples of 64 latents that never change."""
        network = self.modules.get("ema", self.modules["g"]).eval()
        with torch.inference_mode():
            pictures: Tensor = network(self._preview_z)
        network.train()
        return pictures

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
        # The last layer is followed by no batch norm, so it has a bias of its own.
        layers += doubling(before, after, config.upsampler, bias=after == 3)
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


def _normal_weights(layer: nn.Module) -> None:
    # Radford 2015, section 4: weights from N(0, 0.02).
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
