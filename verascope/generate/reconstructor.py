"""Reconstructor: an autoencoder whose outputs become aligned twins of real pictures.

An encoder halves the resolution, a decoder with a transposed convolution brings it back; loss
L1 + L2, and in the second half of the training a patch discriminator (Isola et al. 2017, arXiv
1611.07004) with the hinge loss (Lim and Ye 2017, arXiv 1705.02894). Real pictures and their
reconstructions share all content, so that a detector trained on both can only learn the decoder's
traces (Rajan et al. 2024, arXiv 2410.11835). What a small decoder loses at high frequencies would
still be a label: the low-pass swap x + LP(y) − LP(x) keeps the original's (after the alignment of
Chen et al. 2025, arXiv 2505.14359).
"""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad, relu

from verascope.generate.base import PictureTransformer, any_size, as_tensor, from_pixels, to_pixels
from verascope.generate.contract import Card, Config, Data, Item
from verascope.generate.data import Crops
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.run import grid
from verascope.generate.upsample import Upsampler, doubling

ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU, "leaky": nn.LeakyReLU, "gelu": nn.GELU}


class ReconstructorConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the reconstructor; the defaults are those measured in docs/generating.md."""

    factor: Literal[2, 4, 8, 16] = 2  # how much smaller the latent picture is, each way
    upsampler: Upsampler = "transpose"
    norm: Literal["none", "group", "batch"] = "none"
    activation: Literal["silu", "relu", "leaky", "gelu"] = "silu"
    width: Annotated[int, Meta(ge=2)] = 16
    latent: Annotated[int, Meta(ge=1)] = 8  # channels of the latent picture
    codes: Annotated[int, Meta(ge=0)] = 0  # of a VQ codebook; 0 = a continuous latent picture
    crop: Annotated[int, Meta(ge=16, multiple_of=16)] = 64
    batch: Annotated[int, Meta(ge=1)] = 8
    learning_rate: Annotated[float, Meta(gt=0)] = 3e-3  # falls linearly to 5 % of it
    adversarial: Annotated[float, Meta(ge=0)] = 0.1  # weight of the discriminator; 0 = none
    # σ of the swap's Gaussian. Higher: nearer to the original, fewer traces (at 1.0 the spectrum
    # has none left); 0: plain output.
    low_pass_px: Annotated[float, Meta(ge=0)] = 0.7


class Reconstructor(PictureTransformer):
    """A Transformer of pictures of any size."""

    name: ClassVar[str] = "reconstructor"
    family: ClassVar[str] = "autoencoder"
    config_type: ClassVar[type[ReconstructorConfig]] = ReconstructorConfig
    card: ClassVar[Card] = Card(
        summary="A small autoencoder that makes aligned twins of real pictures.",
        papers=("Rajan 2024, arXiv 2410.11835", "Chen 2025, arXiv 2505.14359"),
        good_for="Training detectors on generator traces alone: the twin has the original's"
        " content, size and encoding.",
        traces="Those of its decoder at low and middle frequencies; with low_pass_px = 0 also the"
        " up-sampling peaks and the loss of detail.",
        limits="One small decoder is not every generator: mix several configurations. Plain outputs"
        " (low_pass_px = 0) are fingerprints: blur alone gives them away.",
        cost="0.11 s of a core a step, 430 MiB; twins at 36 dB after 800 steps.",
    )

    config: ReconstructorConfig

    @classmethod
    def tiny(cls) -> "Reconstructor":
        """Width 4, crops of 16 px."""
        return cls(ReconstructorConfig(width=4, latent=4, crop=16, batch=4), pick("cpu"))

    @property
    def aligned(self) -> bool:
        """Whether outputs go through the low-pass swap."""
        return self.config.low_pass_px > 0

    def network(self) -> nn.Module:
        """The autoencoder."""
        return Autoencoder(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """Its training, on random native crops of the data."""
        preview = Crops(data, self.config.crop, seed + 1).batch(8)
        crops = Crops(data, self.config.crop, seed)
        return _Training(self.config, seed, self.device, preview), crops

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin; nothing is drawn, so the seed changes nothing."""
        x = as_tensor(item.media, self.device)
        with torch.inference_mode():
            y = any_size(self.ready(), x, self.config.factor)
            if self.aligned:
                # The twin: x + LP(y) − LP(x), the decoder's low frequencies under the original's
                # high ones.
                y = x + low_pass(y - x, self.config.low_pass_px)
        return replace(item, media=to_pixels(y)[0])


class _Training(Method):
    """Autoencoder and patch discriminator, their optimisers, and one step."""

    def __init__(
        self, config: ReconstructorConfig, seed: int, device: Device, preview: NDArray[np.uint8]
    ) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        self._preview = torch.from_numpy(preview).to(device.device)
        with seeded(seed):
            ae, d = Autoencoder(config), make_patch_discriminator(config.width)
        self.noise = torch.Generator().manual_seed(seed)
        self._ae = ae.to(device.device)
        self.modules = {"ae": self._ae, "d": d.to(device.device)}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), lr=config.learning_rate)
            for name, network in self.modules.items()
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of the autoencoder; in the second half also of the discriminator."""
        ae, d, config = self._ae, self.modules["d"], self._config
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = config.learning_rate * (1 - 0.95 * used)
        adversarial = config.adversarial > 0 and used >= 0.5
        x = from_pixels(batch)
        losses = {}
        with self.device.autocast():
            y, loss_codes = ae.both(x)
            # L1 + L2
            loss_pixel = (y - x).abs().mean() + ((y - x) ** 2).mean()
            losses["loss_pixel"] = loss_pixel.item()
            loss = loss_pixel + loss_codes
        if adversarial:
            with self.device.autocast():
                # D: E max(0, 1 − D(x)) + E max(0, 1 + D(y))
                loss_d = relu(1 - d(x)).mean() + relu(1 + d(y.detach())).mean()
            self.update("d", loss_d)
            with self.device.autocast():
                # AE: L1 + L2 − λ E D(y)
                loss_g = -d(y).mean()
                loss = loss + config.adversarial * loss_g
            losses |= {"loss_d": loss_d.item(), "loss_g": loss_g.item()}
        self.update("ae", loss)
        return losses

    def preview(self) -> NDArray[np.uint8]:
        """Eight crops that never change, above their plain reconstructions."""
        x = from_pixels(self._preview)
        self._ae.eval()
        with torch.inference_mode():
            y = self._ae(x)
        self._ae.train()
        return grid(to_pixels(torch.cat([x, y])), len(x))

    def weights(self) -> dict[str, Tensor]:
        """The autoencoder's."""
        return self.modules["ae"].state_dict()


class Autoencoder(nn.Module):
    """Pictures float32 [n, 3, h, w], −1 to 1, sides multiples of factor, to the same shape."""

    def __init__(self, config: ReconstructorConfig) -> None:
        super().__init__()
        levels = config.factor.bit_length() - 1
        widths = [config.width * min(2**i, 4) for i in range(levels + 1)]
        down: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, 1, 1), ACTIVATIONS[config.activation]()]
        for before, after in pairwise(widths):
            down += [nn.Conv2d(before, after, 4, 2, 1), ACTIVATIONS[config.activation]()]
        self.encoder = nn.Sequential(*down, nn.Conv2d(widths[-1], config.latent, 3, 1, 1))
        up = [nn.Conv2d(config.latent, widths[-1], 3, 1, 1), ACTIVATIONS[config.activation]()]
        for before, after in pairwise(widths[::-1]):
            up += [*doubling(before, after, config.upsampler), *_after(after, config)]
        self.decoder = nn.Sequential(*up, nn.Conv2d(widths[0], 3, 3, 1, 1))
        # A norm takes a picture's levels away, and a deep decoder is slow to learn them: they go
        # around both, from the latent picture to RGB. Without them no cut-off brings a twin of
        # factor 16 to 34 dB.
        direct = config.factor > 2 or config.norm != "none"
        self.levels = nn.Conv2d(config.latent, 3, 1) if direct else None
        self.apply(_he_weights)
        self.codebook = nn.Embedding(config.codes, config.latent) if config.codes else None

    def forward(self, x: Tensor) -> Tensor:
        """The reconstruction alone."""
        return self.both(x)[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The reconstruction, and the codebook's loss (0 without one)."""
        z = self.encoder(x)
        if self.codebook is None:
            return self._decoded(z), x.new_zeros(())
        flat = z.permute(0, 2, 3, 1)
        nearest = torch.cdist(flat.flatten(0, 2).float(), self.codebook.weight).argmin(1)
        codes = self.codebook(nearest).view(flat.shape).permute(0, 3, 1, 2)
        # van den Oord 2017 (arXiv 1711.00937), equation 3: ‖sg(z) − e‖² + β ‖z − sg(e)‖², β = 0.25;
        # gradients pass straight through to z.
        loss = ((codes - z.detach()) ** 2).mean() + 0.25 * ((z - codes.detach()) ** 2).mean()
        return self._decoded(z + (codes - z).detach()), loss

    def _decoded(self, z: Tensor) -> Tensor:
        y: Tensor = self.decoder(z)
        if self.levels is None:
            return y
        return y + interpolate(self.levels(z), size=y.shape[-2:], mode="bilinear")


def _after(channels: int, config: ReconstructorConfig) -> list[nn.Module]:
    """What follows a convolution: norm and activation."""
    activation = ACTIVATIONS[config.activation]()
    if config.norm == "none":
        return [activation]
    if config.norm == "batch":
        return [nn.BatchNorm2d(channels), activation]
    return [nn.GroupNorm(math.gcd(4, channels), channels), activation]


def make_patch_discriminator(width: int) -> nn.Module:
    """Pictures [n, 3, h, w] to a map of logits, one a patch: above 0 means real."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 3, 1, 1),
    )


def low_pass(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of float [n, 3, h, w] with standard deviation `sigma` px, mirrored edges."""
    radius = max(1, int(3 * sigma + 0.5))
    distance = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(distance**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).repeat(3, 1, 1)
    padded = pad(x, (radius, radius, radius, radius), mode="reflect")
    rows = conv2d(padded, kernel[:, :, :, None], groups=3)
    return conv2d(rows, kernel[:, :, None, :], groups=3)


def _he_weights(layer: nn.Module) -> None:
    # He et al. 2015 (arXiv 1502.01852): variance 2 / inputs of a unit keeps the signal's size from
    # layer to layer. After 300 steps the twins are at 35 dB, with torch's own weights at 30.
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        inputs = float(layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1])
        if isinstance(layer, nn.ConvTranspose2d):  # a quarter of them at each place
            inputs /= layer.stride[0] * layer.stride[1]
        nn.init.normal_(layer.weight, 0.0, (2 / inputs) ** 0.5)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
