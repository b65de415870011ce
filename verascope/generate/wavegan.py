"""WaveGAN: short sounds out of nothing, sample by sample.

Donahue, McAuley and Puckette 2018 (arXiv 1802.04208): DCGAN flattened to one dimension, kernels of
25 and strides of 4, and phase shuffle: each layer of the discriminator sees its input shifted by a
few samples, so that it cannot tell made sounds by the phase of the up-samplers' lines. Hinge loss
on spectrally normalised weights (Miyato et al. 2018, arXiv 1802.05957) in place of the paper's
WGAN-GP, which takes five updates of the discriminator for one of the generator.
"""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad, relu
from torch.nn.utils.parametrizations import spectral_norm

from verascope.generate.contract import Card, Config, Data
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.sound_base import LatentSound, from_samples, sheet
from verascope.generate.sounds import Clips

KERNEL, STRIDE = 25, 4  # samples, as in the paper
SHORTEST = 16  # samples of the first layer
FIXED, SHOWN = 16, 4  # samples that are watched for a collapse, and of a preview


class WaveGanConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of WaveGAN."""

    samples: Literal[1024, 4096, 16_384] = 16_384  # 1.02 s
    latent: Annotated[int, Meta(ge=1)] = 100
    width: Annotated[int, Meta(ge=2)] = 8  # channels before the last layer; the paper has 64
    shuffle: Annotated[int, Meta(ge=0, le=8)] = 2  # samples of phase shuffle, either way
    batch: Annotated[int, Meta(ge=2)] = 16
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-4
    beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.5


class WaveGan(LatentSound):
    """A Sampler of sounds of `samples` samples."""

    name: ClassVar[str] = "wavegan"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[WaveGanConfig]] = WaveGanConfig
    card: ClassVar[Card] = Card(
        summary="A GAN that makes a second of sound out of nothing, wave by transposed"
        " convolutions.",
        papers=("Donahue 2018, arXiv 1802.04208", "Miyato 2018, arXiv 1802.05957"),
        good_for="Teaching, tests, and the plainest lines of up-samplers in sound.",
        traces="Strong lines at multiples of a quarter, a 16th, a 64th of the rate.",
        limits="One second, without words. What a full training gives has not been heard or"
        " measured here: never train a detector on it alone.",
        cost="Not measured; never trained for more than seconds.",
    )

    config: WaveGanConfig

    @classmethod
    def tiny(cls) -> "WaveGan":
        """1,024 samples, width 4."""
        return cls(WaveGanConfig(samples=1024, latent=8, width=4, batch=4), pick("cpu"))

    def network(self) -> nn.Module:
        """The generator."""
        return make_generator(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The game, on random clips of the data."""
        return _Training(self.config, seed, self.device), Clips(data, self.samples, seed)


class _Training(Method):
    """The two networks, their optimisers, and one step of the game."""

    def __init__(self, config: WaveGanConfig, seed: int, device: Device) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        with seeded(seed):
            g, d = make_generator(config), Discriminator(config)
        self.noise = torch.Generator().manual_seed(seed)
        self._fixed = torch.randn(FIXED, config.latent, generator=self.noise).to(device.device)
        self.modules = {"g": g.to(device.device), "d": d.to(device.device)}
        self.optimisers = {
            name: torch.optim.Adam(
                network.parameters(), lr=config.learning_rate, betas=(config.beta1, 0.9)
            )
            for name, network in self.modules.items()
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of D, then one of G."""
        g, d = self.modules["g"], self.modules["d"]
        real = from_samples(batch)
        z = torch.randn(len(batch), self._config.latent, generator=self.noise)
        with self.device.autocast():
            fake = g(z.to(self.device.device))
            # D: E max(0, 1 − D(x)) + E max(0, 1 + D(G(z)))
            loss_d = relu(1 - d(real, self.noise)).mean()
            loss_d = loss_d + relu(1 + d(fake.detach(), self.noise)).mean()
        self.update("d", loss_d)
        with self.device.autocast():
            loss_g = -d(fake, self.noise).mean()  # G: −E D(G(z))
        self.update("g", loss_g)
        return {"loss_d": loss_d.item(), "loss_g": loss_g.item()}

    def preview(self) -> NDArray[np.uint8]:
        """A few samples of the same latents."""
        return sheet(self.samples()[:SHOWN])

    def samples(self) -> Tensor:
        """Samples of latents that never change, [n, 1, samples]."""
        network = self.modules["g"].eval()
        with torch.inference_mode():
            made: Tensor = network(self._fixed)
        network.train()
        return made

    def weights(self) -> dict[str, Tensor]:
        """The generator's."""
        return self.modules["g"].state_dict()


def _channels(config: WaveGanConfig) -> list[int]:
    """Of each layer, from the shortest on, without the wave's own 1."""
    levels = (config.samples // SHORTEST).bit_length() // 2  # fourfold ones
    return [config.width * 2**k for k in range(levels)][::-1]


def make_generator(config: WaveGanConfig) -> nn.Module:
    """Latents float32 [n, latent] to waves [n, 1, samples], −1 to 1."""
    channels = _channels(config)
    layers: list[nn.Module] = [
        nn.Linear(config.latent, channels[0] * SHORTEST),
        nn.Unflatten(1, (channels[0], SHORTEST)),
        nn.ReLU(),
    ]
    for before, after in pairwise([*channels, 1]):
        # Padding and output padding that make n samples 4 n.
        up = nn.ConvTranspose1d(before, after, KERNEL, STRIDE, KERNEL // 2 - 1, output_padding=1)
        layers += [up, nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Tanh())


class Discriminator(nn.Module):
    """Waves [n, 1, samples] to scores [n]: above 0 means real."""

    def __init__(self, config: WaveGanConfig) -> None:
        super().__init__()
        self._shuffle = config.shuffle
        channels = _channels(config)[::-1]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv1d(before, after, KERNEL, STRIDE, KERNEL // 2))
            for before, after in pairwise([1, *channels])
        )
        self.last = spectral_norm(nn.Linear(channels[-1] * SHORTEST, 1))

    def forward(self, wave: Tensor, noise: torch.Generator) -> Tensor:
        """The scores; phase shuffle draws from `noise`."""
        x = wave
        for place, layer in enumerate(self.layers):
            x = leaky_relu(layer(x), 0.2)
            if place < len(self.layers) - 1:
                x = shuffled(x, self._shuffle, noise)
        scores: Tensor = self.last(x.flatten(1))
        return scores[:, 0]


def shuffled(x: Tensor, most: int, noise: torch.Generator) -> Tensor:
    """Each of [n, width, t] shifted by −most to most samples, its ends mirrored."""
    if most == 0:
        return x
    starts = torch.randint(0, 2 * most + 1, (len(x), 1, 1), generator=noise).to(x.device)
    places = starts + torch.arange(x.shape[-1], device=x.device)
    wide = pad(x, (most, most), mode="reflect")
    return wide.gather(2, places.expand(-1, x.shape[1], -1))
