"""Differentiable augmentation: what a discriminator sees is shifted and recoloured, real and made.

Zhao et al. 2020 (arXiv 2006.10738): with few pictures a discriminator learns them by heart; one
that only ever sees augmented ones cannot, and gradients still reach the generator.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad


def augment(x: Tensor, noise: torch.Generator) -> Tensor:
    """Colour, translation (1/8 of the side) and cutout (half the side) of float [n, 3, s, s]."""
    n, _, height, width = x.shape

    def drawn(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=noise).to(x.device)

    x = x + (drawn(n, 1, 1, 1) - 0.5)  # brightness
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (2 * drawn(n, 1, 1, 1))  # saturation
    level = x.mean((1, 2, 3), keepdim=True)
    x = level + (x - level) * (drawn(n, 1, 1, 1) + 0.5)  # contrast

    reach = max(1, height // 8)
    shifts = torch.randint(0, 2 * reach + 1, (n, 2), generator=noise).tolist()
    padded = pad(x, (reach, reach, reach, reach))
    x = torch.stack(
        [padded[k, :, i : i + height, j : j + width] for k, (i, j) in enumerate(shifts)]
    )

    holes = torch.ones(n, 1, height, width, device=x.device)
    for k, (u, v) in enumerate(torch.rand(n, 2, generator=noise).tolist()):
        i, j = int(u * height) - height // 4, int(v * width) - width // 4
        holes[k, :, max(0, i) : i + height // 2, max(0, j) : j + width // 2] = 0
    return x * holes
