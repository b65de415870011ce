"""Layers with equalised learning rates (Karras et al. 2018, arXiv 1710.10196, section 4.1).

Weights are drawn from N(0, 1) and scaled by √(1 / inputs) at every use, so that an optimiser that
normalises gradients, like Adam, moves all layers at one relative speed. At 2e-3 a discriminator
without it diverged within 70 steps.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear


class Conv(nn.Module):
    """A convolution of [n, before, h, w] to [n, after, h, w]."""

    def __init__(self, before: int, after: int, size: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before, size, size))
        self.bias = nn.Parameter(torch.zeros(after))
        self.scale = 1 / (before**0.5 * size)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class Linear(nn.Module):
    """A linear layer; `rate` makes it learn that much slower than others, at the same output."""

    def __init__(self, before: int, after: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(after, before) / rate)
        self.bias = nn.Parameter(torch.full((after,), bias / rate))
        self.scale, self.rate = rate / before**0.5, rate

    def forward(self, x: Tensor) -> Tensor:
        """Floats [n, before] to [n, after]."""
        return linear(x, self.weight * self.scale, self.bias * self.rate)
