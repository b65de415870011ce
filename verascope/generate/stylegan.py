"""A small style-based GAN for small data.

Karras et al. 2019 and 2020 (arXiv 1812.04948, 1912.04958): a mapping network turns latents into
styles, which modulate every convolution of a synthesis network that grows from a learnt constant;
noise at each layer, skip connections to RGB, a residual discriminator with minibatch deviation,
lazy R1, moving average of the generator. For small data with the differentiable augmentation of
Zhao et al. 2020. Left out: path length regularisation and style mixing.
"""

import copy
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, softplus

from verascope.generate.augment import augment
from verascope.generate.base import PictureSampler, average, from_pixels, to_pixels
from verascope.generate.contract import Card, Config, Data
from verascope.generate.data import Crops
from verascope.generate.device import Device, pick
from verascope.generate.equalised import Conv, Linear
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.penalty import r1
from verascope.generate.run import grid


class StyleGanConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the style-based GAN."""

    size: Literal[16, 32, 64, 128, 256] = 64
    latent: Annotated[int, Meta(ge=2)] = 64
    mapping: Annotated[int, Meta(ge=1)] = 4  # layers of the mapping network
    width: Annotated[int, Meta(ge=2)] = 16  # channels at full size; doubled at each halving …
    widest: Annotated[int, Meta(ge=2)] = 128  # … up to this
    view: Literal["crop", "whole"] = "crop"
    batch: Annotated[int, Meta(ge=2)] = 16
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-3
    r1_gamma: Annotated[float, Meta(ge=0)] = 1.0
    r1_every: Annotated[int, Meta(ge=1)] = 16
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.995
    augment: bool = True


class StyleGan(PictureSampler):
    """A Sampler of `size` px pictures."""

    name: ClassVar[str] = "stylegan"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[StyleGanConfig]] = StyleGanConfig
    card: ClassVar[Card] = Card(
        summary="A small style-based GAN: mapping network, modulated convolutions, augmentation.",
        papers=(
            "Karras 2019, arXiv 1812.04948",
            "Karras 2020, arXiv 1912.04958",
            "Zhao 2020, arXiv 2006.10738",
        ),
        good_for="The artefacts of the family that made most synthetic faces; small data.",
        traces="Bilinear up-sampling: weak peaks, little energy at high frequencies.",
        limits="Minutes on a CPU give blobs of the right colours; it is made for a GPU and hours.",
        cost="1.2 s of a core a step at 64 px, 0.21 s and 540 MiB at 32 px (2,500 steps).",
    )
    config: StyleGanConfig

    @classmethod
    def tiny(cls) -> "StyleGan":
        """16 px, width 4, a penalty at every second step."""
        config = StyleGanConfig(
            size=16, latent=8, mapping=2, width=4, widest=8, batch=4, r1_every=2, ema=0.5
        )
        return cls(config, pick("cpu"))

    def network(self) -> nn.Module:
        """Mapping and synthesis."""
        return StyleGenerator(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The game, on random crops of the data."""
        crops = Crops(data, self.config.size, seed, whole=self.whole)
        return _Training(self.config, seed, self.device), crops


class _Training(Method):
    """The two networks, the moving average, their optimisers, and one step of the game."""

    def __init__(self, config: StyleGanConfig, seed: int, device: Device) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        with seeded(seed):
            g, d = StyleGenerator(config), StyleDiscriminator(config)
        self.noise = torch.Generator().manual_seed(seed)
        self._fixed = torch.randn(64, config.latent, generator=self.noise).to(device.device)
        self.modules = {"g": g.to(device.device), "d": d.to(device.device)}
        self.modules["ema"] = copy.deepcopy(g).requires_grad_(False)
        self.optimisers = {
            name: torch.optim.Adam(
                self.modules[name].parameters(), lr=config.learning_rate, betas=(0.0, 0.99)
            )
            for name in ("g", "d")
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of D, then one of G."""
        g, d, config = self.modules["g"], self.modules["d"], self._config
        real = from_pixels(batch)
        z = torch.randn(len(batch), config.latent, generator=self.noise).to(self.device.device)
        with self.device.autocast():
            fake = g(z, self.noise)
            # −log D(x) − log(1 − D(G(z)))
            loss_d = (
                softplus(-d(self._seen(real))) + softplus(d(self._seen(fake.detach())))
            ).mean()
        penalty = loss_d.new_zeros(())
        if config.r1_gamma and self.steps % config.r1_every == 0:
            # γ / 2 · E ‖∇D(x)‖², at every 16th step and 16 times as strong
            penalty = config.r1_every * config.r1_gamma / 2 * r1(d, self._seen(real))
        self.update("d", loss_d + penalty)
        with self.device.autocast():
            loss_g = softplus(-d(self._seen(fake))).mean()  # −log D(G(z))
        self.update("g", loss_g)
        average(self.modules["ema"], g, config.ema)
        return {"loss_d": loss_d.item(), "loss_g": loss_g.item()}

    def _seen(self, pictures: Tensor) -> Tensor:
        return augment(pictures, self.noise) if self._config.augment else pictures

    def preview(self) -> NDArray[np.uint8]:
        """64 samples of the same latents, 8 a row."""
        return grid(to_pixels(self.samples()), 8)

    def samples(self) -> Tensor:
        """Samples of 64 latents that never change."""
        with torch.inference_mode():
            pictures: Tensor = self.modules["ema"](self._fixed)
        return pictures

    def weights(self) -> dict[str, Tensor]:
        """The moving average's."""
        return self.modules["ema"].state_dict()


class StyleGenerator(nn.Module):
    """Latents float32 [n, latent] to pictures [n, 3, size, size], about −1 to 1."""

    def __init__(self, config: StyleGanConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(config.mapping):
            # The mapping network learns a hundred times slower (Karras 2019, appendix C).
            layers += [Linear(config.latent, config.latent, rate=0.01), nn.LeakyReLU(0.2)]
        self.mapping = nn.Sequential(*layers)
        self.synthesis = _Synthesis(config)

    def forward(self, z: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Without `noise` each layer adds what it keeps, so that a latent gives one picture."""
        normed = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        pictures: Tensor = self.synthesis(self.mapping(normed), noise)
        return pictures


class _Synthesis(nn.Module):
    def __init__(self, config: StyleGanConfig) -> None:
        super().__init__()
        widths = _widths(config)
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        sides = [4 * 2**k for k in range(len(widths))]
        self.first = _Modulated(widths[0], widths[0], config.latent, 4)
        self.to_rgb = nn.ModuleList(
            _Modulated(w, 3, config.latent, side, rgb=True)
            for w, side in zip(widths, sides, strict=True)
        )
        self.up, self.flat = nn.ModuleList(), nn.ModuleList()
        for (before, after), side in zip(pairwise(widths), sides[1:], strict=True):
            self.up.append(_Modulated(before, after, config.latent, side))
            self.flat.append(_Modulated(after, after, config.latent, side))

    def forward(self, w: Tensor, noise: torch.Generator | None) -> Tensor:
        x = self.first(self.constant.expand(len(w), -1, -1, -1), w, noise)
        picture: Tensor = self.to_rgb[0](x, w, noise)
        for up, flat, to_rgb in zip(self.up, self.flat, list(self.to_rgb)[1:], strict=True):
            x = flat(up(_doubled(x), w, noise), w, noise)
            picture = _doubled(picture) + to_rgb(x, w, noise)
        return picture


class _Modulated(nn.Module):
    """A convolution whose input channels a style scales, and whose outputs are scaled to size 1."""

    def __init__(
        self, before: int, after: int, latent: int, side: int, *, rgb: bool = False
    ) -> None:
        super().__init__()
        size = 1 if rgb else 3
        self.weight = nn.Parameter(torch.randn(after, before, size, size))
        self.scale = 1 / (before**0.5 * size)
        self.bias = nn.Parameter(torch.zeros(after))
        self.style = Linear(latent, before, bias=1.0)
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("kept", torch.randn(1, 1, side, side))
        self.rgb = rgb

    def forward(self, x: Tensor, w: Tensor, noise: torch.Generator | None) -> Tensor:
        style, weight = self.style(w), self.weight * self.scale
        y = conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if self.rgb:
            return y + self.bias[None, :, None, None]
        # Karras 2020, equation 3: w″ = w′ / √(Σ w′²), taken out of the convolution.
        power = style.square() @ weight.square().sum((2, 3)).T
        y = y * (power + 1e-8).rsqrt()[:, :, None, None]
        kept = self.kept
        assert isinstance(kept, Tensor)
        drawn = kept
        if noise is not None:
            drawn = torch.randn(len(x), *kept.shape[1:], generator=noise).to(x.device)
        y = y + self.strength * drawn + self.bias[None, :, None, None]
        return leaky_relu(y, 0.2) * 2**0.5


class StyleDiscriminator(nn.Module):
    """Pictures [n, 3, size, size] to logits [n]: above 0 means real."""

    def __init__(self, config: StyleGanConfig) -> None:
        super().__init__()
        widths = _widths(config)[::-1]
        self.first = Conv(3, widths[0], 1)
        self.blocks, self.skips = nn.ModuleList(), nn.ModuleList()
        for before, after in pairwise(widths):
            same = [Conv(before, before), nn.LeakyReLU(0.2)]
            halved = [Conv(before, after), nn.LeakyReLU(0.2), nn.AvgPool2d(2)]
            self.blocks.append(nn.Sequential(*same, *halved))
            self.skips.append(Conv(before, after, 1))
        last = widths[-1]
        self.last = Conv(last + 1, last)
        self.logit = nn.Sequential(
            nn.Flatten(), Linear(16 * last, last), nn.LeakyReLU(0.2), Linear(last, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        x = leaky_relu(self.first(x), 0.2)
        for block, skip in zip(self.blocks, self.skips, strict=True):
            x = (block(x) + skip(avg_pool2d(x, 2))) / 2**0.5
        # Minibatch deviation: one more channel that tells how different the pictures are.
        spread = (x.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1, *x.shape[2:])
        x = leaky_relu(self.last(torch.cat([x, spread], 1)), 0.2)
        logits: Tensor = self.logit(x)
        return logits.flatten()


def _widths(config: StyleGanConfig) -> list[int]:
    """Channels from 4 px up to the full size."""
    levels = config.size.bit_length() - 2
    return [min(config.widest, config.width * 2 ** (levels - 1 - k)) for k in range(levels)]


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2.0, mode="bilinear")
