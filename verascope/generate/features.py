"""Features of pictures from a network that nobody trained: the same everywhere, nothing to fetch.

Random convolutions are a fair yardstick for gross quality and diversity (Naeem et al. 2020, arXiv
2002.09797, section 4.2: with random weights the metrics judge sets unlike natural photographs
better); they are nearly blind to faint noise, which the spectrum sees.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn.functional import leaky_relu

from verascope.generate.contract import Array
from verascope.generate.loop import seeded

NAME = "random-conv-1"  # changes with every change below: figures compare only under one name
SIDE = 64
WIDTHS = (3, 32, 64, 128)
SEED = 17
BATCH = 64


def random_features(pictures: Sequence[Array]) -> NDArray[np.float64]:
    """Mean and deviation of each channel of each layer: float64 [n, 448].

    Args:
        pictures: uint8 [h, w, 3] of any sizes; each is scaled to 64 × 64 px.
    """
    with seeded(SEED):
        layers = [nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(WIDTHS)]
    for layer in layers:
        inputs = layer.in_channels * 9
        with torch.no_grad():
            layer.weight.mul_((2 / inputs) ** 0.5 / layer.weight.std())
            assert layer.bias is not None
            layer.bias.zero_()
    scaled = np.stack([_scaled(picture) for picture in pictures])
    found = []
    with torch.inference_mode():
        for low in range(0, len(scaled), BATCH):
            x = torch.from_numpy(scaled[low : low + BATCH]).permute(0, 3, 1, 2).float() / 127.5 - 1
            pooled = []
            for layer in layers:
                x = leaky_relu(layer(x), 0.2)
                pooled += [x.mean((2, 3)), x.std((2, 3))]
            found.append(torch.cat(pooled, 1).double().numpy())
    return np.concatenate(found)


def thumbnails(pictures: Sequence[Array]) -> NDArray[np.float64]:
    """The pictures themselves, 16 × 16 px, 0 to 1: float64 [n, 768]."""
    small = [_scaled(picture, 16).astype(np.float64).ravel() / 255 for picture in pictures]
    return np.stack(small)


def _scaled(picture: Array, side: int = SIDE) -> Array:
    if picture.shape[:2] == (side, side):
        return picture
    image = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
    return np.asarray(image)
