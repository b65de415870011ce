"""The ways to double a picture's side inside a network, each with traces of its own.

Transposed convolutions leave a checkerboard (Odena 2016, distill.pub/2016/deconv-checkerboard),
with kernel 3 an uneven one; pixel shuffle (Shi 2016, arXiv 1609.05158) the strongest peaks; nearest
neighbour weaker ones, bilinear the weakest.
"""

from typing import Literal, TypeAlias

from torch import nn

Upsampler: TypeAlias = Literal["nearest", "bilinear", "transpose", "transpose3", "shuffle"]
UPSAMPLERS: tuple[Upsampler, ...] = ("nearest", "bilinear", "transpose", "transpose3", "shuffle")


def doubling(
    before: int, after: int, upsampler: Upsampler, *, bias: bool = True
) -> list[nn.Module]:
    """Layers from [n, before, h, w] to [n, after, 2h, 2w]."""
    if upsampler == "transpose":
        return [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=bias)]
    if upsampler == "transpose3":
        return [nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1, bias=bias)]
    if upsampler == "shuffle":
        return [nn.Conv2d(before, 4 * after, 3, 1, 1, bias=bias), nn.PixelShuffle(2)]
    smooth = upsampler == "bilinear"
    up = nn.Upsample(scale_factor=2, mode="bilinear") if smooth else nn.Upsample(scale_factor=2)
    return [up, nn.Conv2d(before, after, 3, 1, 1, bias=bias)]
