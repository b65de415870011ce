"""A small residual network on log power spectra, its loss inside pairs, and its graph.

As for pictures the mean and deviation of channels are pooled (verascope/train/network.py). Each
window's spectrum is taken less its own mean and over its own deviation. Beside the cross-entropy
stands a contrast inside each pair of one content: −ln σ(synthetic − real), so that what the two
share, speaker, words, channel, cannot be what tells them apart (contrastive training on vocoded
twins: Wang & Yamagishi 2023, arXiv 2210.10570; the logistic form: Burges et al. 2005, RankNet).
"""

import io
import itertools
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from verascope.detect.session import Session
from verascope.detect.sound_windows import LENGTH
from verascope.detect.spectrum import BINS, HOP, log_power
from verascope.errors import ModelError
from verascope.generate.device import Device
from verascope.train.audio_recipe import AudioRecipe
from verascope.train.export import OPSET, TOLERANCE
from verascope.train.fit import State
from verascope.train.network import Stage, statistics


class SpectrumNetwork(nn.Module):
    """Log power spectra to logits: float32 [n, frames, 257] → float32 [n]."""

    def __init__(self, recipe: AudioRecipe) -> None:
        super().__init__()
        widths = recipe.widths
        self.stem = nn.Conv2d(1, widths[0], 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList(Stage(a, b) for a, b in itertools.pairwise(widths))
        self.pooled = recipe.pooled
        features = 2 * sum(widths[-recipe.pooled :])
        self.norm = nn.BatchNorm1d(features)
        self.head = nn.Sequential(nn.Dropout(recipe.dropout), nn.Linear(features, 1))

    def forward(self, spectra: Tensor) -> Tensor:
        """Spectra to logits."""
        x = spectra.unsqueeze(1)
        x = x - x.mean((2, 3), keepdim=True)
        x = x / (x.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()
        maps = [functional.relu(self.stem_norm(self.stem(x)))]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        features = torch.cat([statistics(each) for each in maps[-self.pooled :]], 1)
        logits: Tensor = self.head(self.norm(features)).squeeze(1)
        return logits


class PairState(State):
    """A training's state whose loss also contrasts the twins of a batch."""

    def __init__(self, recipe: AudioRecipe, device: Device) -> None:
        super().__init__(recipe, device, lambda: SpectrumNetwork(recipe))
        self.contrast = recipe.contrast

    def loss(self, *batch: Tensor) -> Tensor:
        """Of spectra [n, frames, 257], labels [n], and which rows 2 k, 2 k + 1 are twins [n / 2].

        Of twins the real one comes first.
        """
        spectra, labels, twins = batch
        loss, logits = self.judged(spectra.to(self.device.device), labels)
        if not twins.any():
            return loss
        real, made = logits.view(-1, 2)[twins.to(self.device.device)].unbind(1)
        return loss + self.contrast * functional.softplus(real - made).mean()


def torch_score(network: nn.Module, windows: NDArray[np.int16]) -> NDArray[np.float32]:
    """Windows int16 [n, 32000] to logits float32 [n]."""
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(log_power(windows))).numpy())


def to_onnx(network: nn.Module, windows: NDArray[np.int16]) -> bytes:
    """The graph, for any number of windows.

    Raises:
        ModelError: onnxruntime gives other logits than torch for the windows.
    """
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter without onnxscript is called legacy
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, LENGTH // HOP, BINS),),
            target,  # type: ignore[arg-type]  # a file is accepted too
            input_names=["spectra"],
            output_names=["logits"],
            dynamic_axes={"spectra": {0: "n"}, "logits": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = target.getvalue()
    run = Session(graph, ("CPUExecutionProvider",), 1)
    difference = np.abs(torch_score(network, windows) - run(log_power(windows))).max()
    if not difference <= TOLERANCE:
        raise ModelError(f"the exported graph differs from torch by {difference:.2g} in a logit")
    return graph
