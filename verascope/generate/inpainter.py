"""Inpainting: a part of a real picture is cut out and made anew; the rest stays, pixel by pixel.

Context encoders (Pathak et al. 2016, arXiv 1604.07379): reconstruction plus adversarial loss on the
hole; fully convolutional with dilated layers as in Iizuka et al. 2017 (dl.acm.org/doi/10.1145/
3072959.3073659), so that it takes any size. The adversary looks at patches and has the hinge loss.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import relu

from verascope.generate.base import PictureTransformer, any_size, as_tensor, from_pixels, to_pixels
from verascope.generate.contract import Card, Config, Data, Item
from verascope.generate.data import Crops
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.reconstructor import make_patch_discriminator
from verascope.generate.run import grid
from verascope.generate.upsample import Upsampler, doubling


class InpainterConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the inpainter."""

    upsampler: Upsampler = "nearest"
    width: Annotated[int, Meta(ge=2)] = 16
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    smallest: Annotated[float, Meta(gt=0, lt=1)] = 0.2  # sides of the hole, shares of the picture's
    largest: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    crop: Annotated[int, Meta(ge=16, multiple_of=4)] = 64
    batch: Annotated[int, Meta(ge=1)] = 8
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-3  # falls linearly to 5 % of it
    adversarial: Annotated[float, Meta(ge=0)] = 0.01  # weight, in the second half; 0 = none


class Inpainter(PictureTransformer):
    """A Transformer that makes one rectangle of a picture anew; the item's mask says which."""

    name: ClassVar[str] = "inpainter"
    family: ClassVar[str] = "inpainting"
    config_type: ClassVar[type[InpainterConfig]] = InpainterConfig
    card: ClassVar[Card] = Card(
        summary="Makes a rectangle of a real picture anew, and keeps the mask.",
        papers=("Pathak 2016, arXiv 1604.07379", "Iizuka 2017, doi 10.1145/3072959.3073659"),
        good_for="Pictures of which only a part is made: to test what finds local edits.",
        traces="The hole is smooth, with the up-sampler's grid; its border may show.",
        limits="It fills with colour and coarse texture, never with objects. The hole is a"
        " rectangle with hard edges.",
        cost="0.12 s of a core a step, 390 MiB; colours that nearly fit after 600 steps.",
    )
    config: InpainterConfig

    @classmethod
    def tiny(cls) -> "Inpainter":
        """Width 4, one dilation, crops of 16 px."""
        config = InpainterConfig(width=4, dilations=(2,), crop=16, batch=4)
        return cls(config, pick("cpu"))

    def network(self) -> nn.Module:
        """What fills holes."""
        return make_filler(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """Its training, on random native crops of the data."""
        preview = Crops(data, self.config.crop, seed + 1).batch(8)
        crops = Crops(data, self.config.crop, seed)
        return _Training(self.config, seed, self.device, preview), crops

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item with a hole drawn and filled."""
        x = as_tensor(item.media, self.device)
        hole = torch.zeros_like(x[:, :1])
        hole[(..., *rectangle(rng.random(4).tolist(), item.media.shape[:2], self.config))] = 1
        with torch.inference_mode():
            y = any_size(self.ready(), torch.cat([x * (1 - hole), hole], 1), 4)
        white = (hole[0, 0].cpu().numpy() > 0)[:, :, None]
        media = np.where(white, to_pixels(y)[0], item.media)  # the rest is the original's own
        mask = np.repeat(white.astype(np.uint8) * np.uint8(255), 3, 2)
        return replace(item, media=media, kind="inpainted", mask=mask)


class _Training(Method):
    """Filler and patch discriminator, their optimisers, and one step."""

    def __init__(
        self, config: InpainterConfig, seed: int, device: Device, preview: NDArray[np.uint8]
    ) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        with seeded(seed):
            filler, d = make_filler(config), make_patch_discriminator(config.width)
        self.noise = torch.Generator().manual_seed(seed)
        self._preview = from_pixels(torch.from_numpy(preview).to(device.device))
        self._holes = self._draw(self._preview)
        self.modules = {"filler": filler.to(device.device), "d": d.to(device.device)}
        self.optimisers = {
            name: torch.optim.Adam(network.parameters(), lr=config.learning_rate)
            for name, network in self.modules.items()
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of the filler; in the second half also of the discriminator."""
        filler, d, config = self.modules["filler"], self.modules["d"], self._config
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = config.learning_rate * (1 - 0.95 * used)
        x = from_pixels(batch)
        hole = self._draw(x)
        with self.device.autocast():
            y = filler(torch.cat([x * (1 - hole), hole], 1))
            filled = hole * y + (1 - hole) * x
            # ‖M ⊙ (y − x)‖₁ over the hole's size
            loss = (hole * (y - x).abs()).sum() / (3 * hole.sum())
        losses = {"loss_pixel": loss.item()}
        if config.adversarial > 0 and used >= 0.5:
            with self.device.autocast():
                # D: E max(0, 1 − D(x)) + E max(0, 1 + D(filled))
                loss_d = relu(1 - d(x)).mean() + relu(1 + d(filled.detach())).mean()
            self.update("d", loss_d)
            with self.device.autocast():
                loss_g = -d(filled).mean()
                loss = loss + config.adversarial * loss_g
            losses |= {"loss_d": loss_d.item(), "loss_g": loss_g.item()}
        self.update("filler", loss)
        return losses

    def _draw(self, x: Tensor) -> Tensor:
        """A hole for each picture: float32 [n, 1, h, w], 1 inside."""
        hole = torch.zeros_like(x[:, :1])
        for k, numbers in enumerate(torch.rand(len(x), 4, generator=self.noise).tolist()):
            hole[(k, 0, *rectangle(numbers, x.shape[-2:], self._config))] = 1
        return hole

    def preview(self) -> NDArray[np.uint8]:
        """Eight crops, with their holes, and filled."""
        x, hole = self._preview, self._holes
        cut = x * (1 - hole)
        with torch.inference_mode():
            y = self.modules["filler"](torch.cat([cut, hole], 1))
        return grid(to_pixels(torch.cat([x, cut, hole * y + cut])), len(x))

    def weights(self) -> dict[str, Tensor]:
        """The filler's."""
        return self.modules["filler"].state_dict()


def rectangle(
    numbers: Sequence[float], size: Sequence[int], config: InpainterConfig
) -> tuple[slice, slice]:
    """Rows and columns of a hole, from four numbers of 0 to 1: its size, then its place."""
    found = []
    for share, place, side in zip(numbers[:2], numbers[2:], size, strict=True):
        length = config.smallest + share * (config.largest - config.smallest)
        length = max(1, round(length * side))
        low = int(place * (side - length))
        found.append(slice(low, low + length))
    return found[0], found[1]


def make_filler(config: InpainterConfig) -> nn.Module:
    """Pictures with holes and their masks [n, 4, h, w], sides multiples of 4, to [n, 3, h, w]."""
    w = config.width
    layers: list[nn.Module] = [nn.Conv2d(4, w, 5, 1, 2), nn.LeakyReLU(0.2)]
    for before, after in ((w, 2 * w), (2 * w, 4 * w)):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.LeakyReLU(0.2)]
    for reach in config.dilations:
        layers += [nn.Conv2d(4 * w, 4 * w, 3, 1, reach, dilation=reach), nn.LeakyReLU(0.2)]
    for before, after in ((4 * w, 2 * w), (2 * w, w)):
        layers += [*doubling(before, after, config.upsampler), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(w, 3, 3, 1, 1), nn.Tanh())
