"""The discriminator: a small residual network that pools the mean and deviation of its channels.

Top to bottom: a stem of 5 × 5 filters with stride 2, whose filters may be held to sum to zero
(constrained convolution, Bayar & Stamm 2018); residual stages (He et al. 2016) that halve the
picture each; of the last stages each channel's mean and standard deviation over the picture, since
the deviation is what a local trace's strength and a texture's statistics show in (style features
of Gatys et al. 2016; deviation pooling in steganalysis, Ye et al. 2017); beside them the log energy
of the luminance's 8 × 8 DCT bands (Frank et al. 2020, Leveraging frequency analysis). One linear
layer reads them all. The network has no fixed input size: statistics replace position.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from verascope.train.recipe import Architecture

BLOCK = 8  # pixels, side of the DCT
LUMINANCE = (0.299, 0.587, 0.114)  # of R, G, B (BT.601)


class Discriminator(nn.Module):
    """Crops to logits: float32 [n, 3, h, w], 0 to 255, RGB → float32 [n]; h, w ≥ 64."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        stages = zip(shape.widths, shape.widths[1:], strict=False)
        self.stem = Stem(shape.widths[0], highpass=shape.highpass)
        self.stages = nn.ModuleList(Stage(narrow, wide) for narrow, wide in stages)
        self.pooled = shape.pooled
        self.bands = Bands() if shape.spectrum else None
        features = 2 * sum(shape.widths[-shape.pooled :]) + (BLOCK**2 if shape.spectrum else 0)
        self.norm = nn.BatchNorm1d(features)
        self.head = nn.Sequential(nn.Dropout(shape.dropout), nn.Linear(features, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Crops to logits."""
        scaled = (pixels - 127.5) / 64
        maps = [self.stem(scaled)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        features = [statistics(x) for x in maps[-self.pooled :]]
        if self.bands is not None:
            features.append(self.bands(scaled))
        logits: Tensor = self.head(self.norm(torch.cat(features, 1))).squeeze(1)
        return logits


class Stem(nn.Module):
    """5 × 5 filters with stride 2; with `highpass` each sums to zero in each colour."""

    def __init__(self, width: int, *, highpass: bool) -> None:
        super().__init__()
        self.filters = nn.Conv2d(3, width, 5, stride=2, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.highpass = highpass

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, h, w] → [n, width, h / 2, w / 2]."""
        weight = self.filters.weight
        if self.highpass:
            weight = weight - weight.mean((2, 3), keepdim=True)
        return functional.relu(self.norm(functional.conv2d(x, weight, stride=2, padding=2)))


class Stage(nn.Module):
    """A residual block of two 3 × 3 convolutions that halves the picture."""

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(wide)
        self.second = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(wide)
        self.shortcut = nn.Conv2d(narrow, wide, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, narrow, h, w] → [n, wide, h / 2, w / 2]."""
        inner = functional.relu(self.first_norm(self.first(x)))
        # Sliced, not strided: oneDNN 3.12 (torch 2.13) writes past its buffer in the gradient of a
        # 1 × 1 convolution with stride 2 of four channels, on processors with AVX-512.
        halved = self.shortcut(x[:, :, ::2, ::2])
        return functional.relu(halved + self.second_norm(self.second(inner)))


class Bands(nn.Module):
    """The log energy of each 8 × 8 DCT band of the luminance: [n, 3, h, w] → [n, 64]."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        luminance = torch.tensor(LUMINANCE)[None, :, None, None]
        self.register_buffer("filters", dct_filters() * luminance, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3, h, w] → [n, 64]."""
        bands = functional.conv2d(x, self.filters, stride=BLOCK)
        return (bands.square().mean((2, 3)) + 1e-5).log()


def statistics(x: Tensor) -> Tensor:
    """Mean and standard deviation of each channel: [n, c, h, w] → [n, 2 c]."""
    mean = x.mean((2, 3))
    variance = (x.square().mean((2, 3)) - mean.square()).clamp(min=0)
    return torch.cat([mean, (variance + 1e-5).sqrt()], 1)


def dct_filters() -> Tensor:
    """The orthonormal DCT-II of 8 × 8 blocks as filters [64, 1, 8, 8]."""
    place = torch.arange(BLOCK, dtype=torch.float64)
    angle = math.pi / BLOCK * (place[None] + 0.5) * place[:, None]
    basis = angle.cos() * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    return torch.einsum("ux,vy->uvxy", basis, basis).reshape(-1, 1, BLOCK, BLOCK).float()


def parameters(network: nn.Module) -> int:
    """How many numbers the network has learned."""
    return sum(parameter.numel() for parameter in network.parameters())
