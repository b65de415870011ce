"""A GAN's own discriminator as a detector, or as the first weights of one.

It was trained to tell real pictures from its own generator's (Goodfellow et al. 2014); whether that
helps against other generators is measured by benchmarks/discriminator.py. It looks at tiles of the
size it was trained on, whose logits are averaged; above 0 it says real, so they change their sign.
"""

import json
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from verascope.errors import UsageError
from verascope.generate.dcgan import Dcgan, DcganConfig, make_discriminator

# StyleGAN's compares the pictures of a batch, so what it says of one depends on the others.
KINDS = (Dcgan.name,)


class GanDiscriminator(nn.Module):
    """Crops to logits: float32 [n, 3, h, w], 0 to 255, RGB → float32 [n]; h, w multiples of size.

    Args:
        config: of the GAN.
    """

    def __init__(self, config: DcganConfig) -> None:
        super().__init__()
        self.size = config.size
        self.core = make_discriminator(config)

    def forward(self, pixels: Tensor) -> Tensor:
        """Crops to logits: the mean over tiles."""
        size, (_, colours, height, width) = self.size, pixels.shape
        down, across = height // size, width // size
        tiles = (pixels / 127.5 - 1).reshape(-1, colours, down, size, across, size)
        tiles = tiles.permute(0, 2, 4, 1, 3, 5).reshape(-1, colours, size, size)
        logits: Tensor = -self.core(tiles).reshape(-1, down * across).mean(1)
        return logits

    def settled(self) -> "GanDiscriminator":
        """The same with its spectral norms worked into the weights, as a detector needs it."""
        for layer in self.core.modules():
            if is_parametrized(layer):
                remove_parametrizations(layer, "weight")
        return self


def load(run: Path, *, random: bool = False) -> GanDiscriminator:
    """The discriminator of a run of `verascope generate train dcgan`.

    Args:
        run: its folder.
        random: of its shape, with first weights of its own: to see what the trained ones are worth.

    Raises:
        UsageError: it is no such run.
    """
    try:
        options = json.loads((run / "options.json").read_bytes())
        if options["generator"] not in KINDS:
            raise UsageError(f"{run} is a run of {options['generator']}; this needs {KINDS[0]}")
        network = GanDiscriminator(msgspec.convert(options["config"], DcganConfig))
        if not random:
            state = torch.load(run / "state.pt", map_location="cpu", weights_only=True)
            network.core.load_state_dict(state["modules"]["d"])
    except (OSError, KeyError, msgspec.ValidationError, json.JSONDecodeError) as error:
        raise UsageError(f"{run} is no run of a GAN that can be started from: {error}") from error
    return network.settled()
