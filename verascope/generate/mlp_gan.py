"""The original GAN: two multilayer perceptrons that play against each other.

Goodfellow et al. 2014 (arXiv 1406.2661): the minimax game and, in section 3, the non-saturating
loss. Batch norm in the generator and the lazy gradient penalty R1 (Mescheder et al. 2018, arXiv
1801.04406) are later; both can be turned off to see what they are for.
"""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import softplus

from verascope.generate.base import PictureSampler, from_pixels, to_pixels
from verascope.generate.contract import Card, Config, Data, Item
from verascope.generate.data import Crops, Listed
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.penalty import r1
from verascope.generate.run import grid

SIDE = 28


class MlpGanConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the MLP GAN; the defaults are the best of thirteen variants on digits."""

    latent: Annotated[int, Meta(ge=1)] = 100
    hidden: Annotated[int, Meta(ge=2)] = 256
    loss: Literal["non-saturating", "minimax"] = "non-saturating"
    batch_norm: bool = True
    r1_gamma: Annotated[float, Meta(ge=0)] = 1.0  # 0 = no penalty
    r1_every: Annotated[int, Meta(ge=1)] = 4
    batch: Annotated[int, Meta(ge=2)] = 64
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-4
    beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.5


class MlpGan(PictureSampler):
    """A Sampler of grey 28 px pictures."""

    name: ClassVar[str] = "mlp-gan"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[MlpGanConfig]] = MlpGanConfig
    card: ClassVar[Card] = Card(
        summary="The original GAN: grey 28 px pictures from two multilayer perceptrons.",
        papers=("Goodfellow 2014, arXiv 1406.2661", "Mescheder 2018, arXiv 1801.04406"),
        good_for="Teaching: digits in half a minute, and the textbook failures on demand.",
        traces="Speckle: every pixel is drawn by itself, no convolution smooths it.",
        limits="Nothing but tiny grey pictures. Never train a detector on it.",
        cost="0.013 s of a core a step, 410 MiB; digits after 2,500 steps.",
    )
    config: MlpGanConfig

    @property
    def side(self) -> int:
        """Of a sample, px."""
        return SIDE

    @property
    def whole(self) -> bool:
        """It learns whole pictures, scaled down."""
        return True

    @classmethod
    def tiny(cls) -> "MlpGan":
        """Latents of 8, 16 hidden units, a penalty at every second step."""
        return cls(MlpGanConfig(latent=8, hidden=16, batch=8, r1_every=2), pick("cpu"))

    def examples(self) -> list[Item]:
        """The first sixteen digits."""
        return list(digits(16))

    def network(self) -> nn.Module:
        """The generator."""
        return make_generator(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The game, on whole pictures."""
        # Mirrored digits would be other signs, so nothing is mirrored.
        crops = Crops(data, SIDE, seed, whole=True, mirror=False)
        return _Training(self.config, seed, self.device), crops


class _Training(Method):
    """The two networks, their optimisers, and one step of the game."""

    def __init__(self, config: MlpGanConfig, seed: int, device: Device) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        with seeded(seed):
            g, d = make_generator(config), make_discriminator(config)
        self.noise = torch.Generator().manual_seed(seed)
        self._fixed = torch.randn(64, config.latent, generator=self.noise).to(device.device)
        self.modules = {"g": g.to(device.device), "d": d.to(device.device)}
        self.optimisers = {
            name: torch.optim.Adam(
                network.parameters(), lr=config.learning_rate, betas=(config.beta1, 0.999)
            )
            for name, network in self.modules.items()
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of D, then one of G."""
        g, d, config = self.modules["g"], self.modules["d"], self._config
        real = from_pixels(batch)
        z = torch.randn(len(batch), config.latent, generator=self.noise).to(self.device.device)
        with self.device.autocast():
            fake = g(z)
            # D maximises log D(x) + log(1 − D(G(z))); with D = σ(logit), −log D = softplus(−logit).
            loss_d = (softplus(-d(real)) + softplus(d(fake.detach()))).mean()
        penalty = loss_d.new_zeros(())
        if config.r1_gamma and self.steps % config.r1_every == 0:
            penalty = config.r1_every * config.r1_gamma / 2 * r1(d, real)
        self.update("d", loss_d + penalty)
        with self.device.autocast():
            logits = d(fake)
            # Minimax: G minimises log(1 − D(G(z))), whose gradient is gone once D is sure.
            # Non-saturating: G maximises log D(G(z)).
            minimax = config.loss == "minimax"
            loss_g = -softplus(logits).mean() if minimax else softplus(-logits).mean()
        self.update("g", loss_g)
        return {"loss_d": loss_d.item(), "loss_g": loss_g.item()}

    def preview(self) -> NDArray[np.uint8]:
        """64 samples of the same latents, 8 a row."""
        return grid(to_pixels(self.samples()), 8)

    def samples(self) -> Tensor:
        """Samples of 64 latents that never change."""
        network = self.modules["g"].eval()
        with torch.inference_mode():
            pictures: Tensor = network(self._fixed)
        network.train()
        return pictures

    def weights(self) -> dict[str, Tensor]:
        """The generator's."""
        return self.modules["g"].state_dict()


def make_generator(config: MlpGanConfig) -> nn.Module:
    """Latents float32 [n, latent] to grey pictures [n, 3, 28, 28], −1 to 1."""
    norm = [nn.BatchNorm1d(config.hidden)] if config.batch_norm else []
    return nn.Sequential(
        nn.Linear(config.latent, config.hidden),
        *norm,
        nn.ReLU(),
        nn.Linear(config.hidden, SIDE * SIDE),
        nn.Tanh(),
        nn.Unflatten(1, (1, SIDE, SIDE)),
        _Grey(),
    )


def make_discriminator(config: MlpGanConfig) -> nn.Module:
    """Pictures [n, 3, 28, 28], −1 to 1, to logits [n]; it sees their mean over the channels."""
    sizes = (SIDE * SIDE, config.hidden)
    layers: list[nn.Module] = [_Mean(), nn.Flatten()]
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(config.hidden, 1), nn.Flatten(0))


class _Grey(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.expand(-1, 3, -1, -1)


class _Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


def digits(n: int | None = None) -> Listed:
    """scikit-learn's handwritten digits (CC BY 4.0), 8 × 8 scaled up to 28 × 28; all 1797 if None.

    `kind` is the digit, so that a test can tell which modes a generator has.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    items = []
    for key, (grey, digit) in enumerate(zip(found.images[:n], found.target[:n], strict=True)):
        small = Image.fromarray((grey * (255 / 16)).round().astype(np.uint8))
        large = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        items.append(
            Item(
                media=np.repeat(large[:, :, None], 3, 2),
                key=key,
                pair=f"digit-{key}",
                source="sklearn-digits",
                licence="CC BY 4.0",
                kind=str(digit),
            )
        )
    return Listed(items)
