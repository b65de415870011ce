"""CycleGAN: turns pictures of one kind into another, learnt from two folders without any pairs.

Zhu, Park, Isola and Efros 2017 (arXiv 1703.10593): two generators, two patch discriminators, the
least-squares loss, cycle and identity losses, and a pool of 50 earlier pictures for the
discriminators (Shrivastava et al. 2017, arXiv 1612.07828).
"""

from dataclasses import replace
from itertools import chain
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn

from verascope.generate.base import PictureTransformer, any_size, as_tensor, from_pixels, to_pixels
from verascope.generate.contract import Card, Config, Data, Item
from verascope.generate.data import example_pictures
from verascope.generate.device import Device, pick
from verascope.generate.kinds import TwoKinds, two_kinds
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.run import grid
from verascope.generate.upsample import Upsampler, doubling


class CycleGanConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the CycleGAN: the paper's, with a smaller network."""

    first: str = ""  # the two kinds: sources (subfolders) of the data; "" = those it has, sorted
    second: str = ""
    direction: Literal["to-second", "to-first"] = "to-second"  # what transform() does
    size: Annotated[int, Meta(ge=16, multiple_of=4)] = 64
    view: Literal["crop", "whole"] = "whole"
    width: Annotated[int, Meta(ge=2)] = 16
    blocks: Annotated[int, Meta(ge=0)] = 3
    upsampler: Upsampler = "transpose3"
    batch: Annotated[int, Meta(ge=1)] = 1
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-4  # falls to 0 in the second half
    cycle: Annotated[float, Meta(ge=0)] = 10.0  # λ
    identity: Annotated[float, Meta(ge=0)] = 5.0  # λ / 2
    pool: Annotated[int, Meta(ge=0)] = 50


class CycleGan(PictureTransformer):
    """A Transformer of pictures of any size."""

    name: ClassVar[str] = "cyclegan"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[CycleGanConfig]] = CycleGanConfig
    card: ClassVar[Card] = Card(
        summary="Turns pictures of one kind into another, learnt from two folders without pairs.",
        papers=("Zhu 2017, arXiv 1703.10593",),
        good_for="Stylised pictures (label edited) whose layout stays.",
        traces="The checkerboard of its up-sampler; colours and textures of the other kind.",
        limits="Minutes on a CPU swap colours, hours are needed for texture. Shapes never change.",
        cost="0.48 s of a core a step at batch 4, 460 MiB; other colours after 250 steps.",
    )
    config: CycleGanConfig

    @classmethod
    def tiny(cls) -> "CycleGan":
        """16 px, width 4, one block, a pool of 4."""
        config = CycleGanConfig(size=16, width=4, blocks=1, batch=2, pool=4, view="crop")
        return cls(config, pick("cpu"))

    def examples(self) -> list[Item]:
        """Eight drawn pictures of two kinds."""
        pictures = example_pictures(self.config.size + 5)
        return [replace(p, source=("drawn-a", "drawn-b")[p.key % 2]) for p in pictures]

    def network(self) -> nn.Module:
        """Both generators."""
        return _generators(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The two games, on crops of both kinds."""
        config = self.config
        kinds = two_kinds(data, config.first, config.second)
        whole = config.view == "whole"
        preview = TwoKinds(kinds, config.size, seed + 1, whole=whole).batch(4)
        crops = TwoKinds(kinds, config.size, seed, whole=whole)
        return _Training(config, seed, self.device, preview), crops

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item as one of the other kind; nothing is drawn."""
        both: Any = self.ready()
        network = both["ab" if self.config.direction == "to-second" else "ba"]
        with torch.inference_mode():
            made = any_size(network, as_tensor(item.media, self.device), 4)
        return replace(item, media=to_pixels(made)[0], kind="stylised-photo")


class Pool:
    """Earlier made pictures: half the time a discriminator is shown one of them instead."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.kept: list[Tensor] = []

    def swap(self, made: Tensor, noise: torch.Generator) -> Tensor:
        """As many pictures as were given, some of them from the pool."""
        shown = []
        for picture in made.detach():
            if len(self.kept) < self._size:
                self.kept.append(picture)
            elif self._size and torch.rand(1, generator=noise).item() < 0.5:
                place = int(torch.randint(self._size, (1,), generator=noise).item())
                picture, self.kept[place] = self.kept[place], picture
            shown.append(picture)
        return torch.stack(shown)


class _Training(Method):
    """Generators ab and ba, discriminators a and b, and one step."""

    def __init__(
        self, config: CycleGanConfig, seed: int, device: Device, preview: NDArray[np.uint8]
    ) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        self._preview = from_pixels(torch.from_numpy(preview).to(device.device))
        with seeded(seed):
            g = _generators(config)
            d = nn.ModuleDict({name: make_discriminator(config.width) for name in "ab"})
        self.noise = torch.Generator().manual_seed(seed)
        self.modules = {"g": g.to(device.device), "d": d.to(device.device)}
        self._ab, self._ba, self._da, self._db = g["ab"], g["ba"], d["a"], d["b"]
        self._pools = {name: Pool(config.pool) for name in "ab"}
        self.optimisers = {
            name: torch.optim.Adam(module.parameters(), lr=config.learning_rate, betas=(0.5, 0.999))
            for name, module in self.modules.items()
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of both generators, then one of both discriminators."""
        config = self._config
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = config.learning_rate * min(1.0, 2 * (1 - used))
        a, b = from_pixels(batch).chunk(2, 1)
        with self.device.autocast():
            fake_b, fake_a = self._ab(a), self._ba(b)
            # G: (D_B(G(a)) − 1)² + (D_A(F(b)) − 1)²
            loss_g = ((self._db(fake_b) - 1) ** 2).mean() + ((self._da(fake_a) - 1) ** 2).mean()
            # λ (‖F(G(a)) − a‖₁ + ‖G(F(b)) − b‖₁)
            cycle = (self._ba(fake_b) - a).abs().mean() + (self._ab(fake_a) - b).abs().mean()
            loss = loss_g + config.cycle * cycle
            if config.identity:
                # λ/2 (‖G(b) − b‖₁ + ‖F(a) − a‖₁)
                same = (self._ab(b) - b).abs().mean() + (self._ba(a) - a).abs().mean()
                loss = loss + config.identity * same
        self.update("g", loss)
        shown_a = self._pools["a"].swap(fake_a, self.noise)
        shown_b = self._pools["b"].swap(fake_b, self.noise)
        with self.device.autocast():
            # D: ½ ((D(x) − 1)² + D(G(·))²)
            loss_d = sum(
                ((d(real) - 1) ** 2).mean() / 2 + (d(shown) ** 2).mean() / 2
                for d, real, shown in ((self._da, a, shown_a), (self._db, b, shown_b))
            )
            assert isinstance(loss_d, Tensor)
        self.update("d", loss_d)
        return {"loss_d": loss_d.item(), "loss_g": loss_g.item(), "loss_cycle": cycle.item()}

    def preview(self) -> NDArray[np.uint8]:
        """Four crops of each kind, each row above what they become."""
        a, b = self._preview.chunk(2, 1)
        with torch.inference_mode():
            sheet = torch.cat([a, self._ab(a), b, self._ba(b)])
        return grid(to_pixels(sheet), len(a))

    def weights(self) -> dict[str, Tensor]:
        """Both generators'."""
        return self.modules["g"].state_dict()

    def own(self) -> dict[str, Any]:
        """The pools."""
        pools = self._pools.items()
        return {"pools": {name: [p.cpu() for p in pool.kept] for name, pool in pools}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state() again."""
        super().restore(state)
        for name, kept in state["pools"].items():
            self._pools[name].kept = [picture.to(self.device.device) for picture in kept]


def make_discriminator(width: int) -> nn.Module:
    """Pictures [n, 3, h, w] to a map of scores, one a patch: 1 means real."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.InstanceNorm2d(2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 3, 1, 1),
    )


def make_generator(config: CycleGanConfig) -> nn.Module:
    """Pictures [n, 3, h, w], −1 to 1, sides multiples of 4, to the same shape: c7-d-d-R…-u-u-c7."""
    w = config.width
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), *_after(w)]
    for before, after in ((w, 2 * w), (2 * w, 4 * w)):
        layers += [nn.Conv2d(before, after, 3, 2, 1), *_after(after)]
    layers += [_Residual(4 * w) for _ in range(config.blocks)]
    for before, after in ((4 * w, 2 * w), (2 * w, w)):
        layers += [*doubling(before, after, config.upsampler), *_after(after)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh())


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        same = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.inner = nn.Sequential(*same, *_after(width), *again)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.inner(x)
        return x + inner


def _after(width: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(width), nn.ReLU()]


def _generators(config: CycleGanConfig) -> nn.ModuleDict:
    both = nn.ModuleDict({"ab": make_generator(config), "ba": make_generator(config)})
    for layer in chain(*(network.modules() for network in both.values())):
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return both
