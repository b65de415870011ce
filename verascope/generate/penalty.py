"""Gradient penalties, which keep a discriminator from winning outright."""

import torch
from torch import Tensor, nn


def r1(d: nn.Module, real: Tensor) -> Tensor:
    """Mean ‖∇D(x)‖² at real pictures (Mescheder et al. 2018, arXiv 1801.04406, equation 9).

    To be multiplied by γ / 2. In float32 whatever the device multiplies in.

    Args:
        d: pictures to logits [n].
        real: float32 [n, 3, h, w].
    """
    x = real.detach().float().requires_grad_()
    with torch.autocast(x.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()
