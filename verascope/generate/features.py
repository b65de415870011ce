"""Features of pictures from a network that nobody trained: the same everywhere, nothing to fetch.

Random convolutions are a fair yardstick for gross quality and diversity (Naeem et al. 2020, arXiv
2002.09797, section 4.2: with random weights the metrics judge sets unlike natural photographs
better); they are nearly blind to faint noise, which the spectrum sees.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn.functional import leaky_relu

from verascope.detect.encoder import DESCRIPTION, Encoder, installed
from verascope.detect.views import square
from verascope.errors import UsageError
from verascope.generate.contract import Array
from verascope.generate.loop import seeded

Features: TypeAlias = Callable[[Sequence[Array]], NDArray[np.float64]]
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


def encoder_features(name: str) -> tuple[str, Features]:
    """What to call an installed encoder's features, and the function that takes them.

    The class token two thirds of the way up, of the middle square of each picture.

    Args:
        name: of the encoder, as in `verascope models install NAME`; int8 rather than fp32 is taken.

    Raises:
        UsageError: it is not installed.
    """
    home = installed(name, "any").parent
    found = (each for each in home.glob(f"{name}-*") if (each / DESCRIPTION).is_file())
    builds = sorted(found, reverse=True)  # int8 rather than fp32
    if not builds:
        raise UsageError(
            f"no encoder {name} is installed; install it with: verascope models install {name}"
        )
    encoder = Encoder(builds[0])
    described = encoder.description
    taps = [tap for tap in described.taps if tap.endswith("class")] or list(described.taps)
    tap = taps[2 * len(taps) // 3]
    row = described.taps.index(tap)

    def features(pictures: Sequence[Array]) -> NDArray[np.float64]:
        shown = (square(picture, described.side)[None] for picture in pictures)
        return np.concatenate([encoder.taps(each)[:, row] for each in shown]).astype(np.float64)

    return f"{name} {described.build}, {tap}", features


def thumbnails(pictures: Sequence[Array]) -> NDArray[np.float64]:
    """The pictures themselves, 16 × 16 px, 0 to 1: float64 [n, 768]."""
    small = [_scaled(picture, 16).astype(np.float64).ravel() / 255 for picture in pictures]
    return np.stack(small)


def _scaled(picture: Array, side: int = SIDE) -> Array:
    if picture.shape[:2] == (side, side):
        return picture
    image = Image.fromarray(picture).resize((side, side), Image.Resampling.BOX)
    return np.asarray(image)
