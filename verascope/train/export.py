"""A trained network to model.onnx: uint8 crops in, logits out, checked against torch."""

import io
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verascope.detect.crops import CROP
from verascope.detect.session import Session
from verascope.errors import ModelError

OPSET = 17
TOLERANCE = 1e-4  # of a logit, onnxruntime against torch


class Exported(nn.Module):
    """The network with what stands before it: uint8 [n, 192, 192, 3] → float32 [n]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        """Windows to logits."""
        logits: Tensor = self.network(windows.permute(0, 3, 1, 2).float())
        return logits


def to_onnx(network: nn.Module) -> bytes:
    """The graph, with normalisation inside, for any number of crops.

    Raises:
        ModelError: onnxruntime gives other logits than torch.
    """
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter without onnxscript is called legacy
        torch.onnx.export(
            Exported(network).eval(),
            (torch.zeros(2, CROP, CROP, 3, dtype=torch.uint8),),
            target,  # type: ignore[arg-type]  # a file is accepted too
            input_names=["windows"],
            output_names=["logits"],
            dynamic_axes={"windows": {0: "n"}, "logits": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = target.getvalue()
    windows = test_windows()
    difference = np.abs(torch_score(network)(windows) - Session(graph, _CPU, 1)(windows)).max()
    if not difference <= TOLERANCE:
        raise ModelError(f"the exported graph differs from torch by {difference:.2g} in a logit")
    return graph


def torch_score(
    network: nn.Module, device: torch.device | None = None
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The network as a function from windows to logits."""
    place = device or torch.device("cpu")
    exported = Exported(network).to(place).eval()

    def score(windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(exported(torch.from_numpy(windows).to(place)).cpu().numpy())

    return score


def test_windows(side: int = CROP) -> NDArray[np.uint8]:
    """Windows made by code, for parity checks and stored references: uint8 [6, side, side, 3].

    Noise, smooth waves, a gradient, blocks, flat grey and their mixture: free of anyone's rights.
    """
    rng = np.random.default_rng(20261126)
    y, x = np.mgrid[0:side, 0:side] / side
    tint = np.array([1.0, 0.8, 0.6])
    noise = rng.uniform(0, 255, (side, side, 3))
    waves = 127 + 100 * np.sin(40 * x * y + 9 * x)[..., None] * tint
    gradient = 255 * (0.7 * x + 0.3 * y)[..., None] * tint
    blocks = np.kron(rng.uniform(0, 255, (side // 8, side // 8, 3)), np.ones((8, 8, 1)))
    flat = np.full((side, side, 3), 128.0)
    mixed = 0.5 * gradient + 0.3 * blocks + 0.2 * noise
    return np.stack([noise, waves, gradient, blocks, flat, mixed]).astype(np.uint8)


_CPU = ("CPUExecutionProvider",)
