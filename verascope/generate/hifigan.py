"""HiFi-GAN: a vocoder that doubles its way up from frames to samples by transposed convolutions.

Kong, Kim and Bae 2020 (arXiv 2010.05646), after MelGAN (Kumar et al. 2019, arXiv 1910.06711): each
up-sampling is followed by residual blocks of several kernels, whose outputs are averaged. Its
up-samplers leave lines at multiples of their rates.
"""

import math
from typing import Annotated, ClassVar

import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from verascope.errors import UsageError
from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.vocoder import MelSpectrum, Vocoder, VocoderConfig

SLOPE = 0.1  # of the leaky ReLU, as in the paper
Rate = Annotated[int, Meta(ge=2, le=16)]


class HifiganConfig(VocoderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of HiFi-GAN beside those of all vocoders."""

    width: Annotated[int, Meta(ge=4)] = 96  # channels of a frame; halved by each up-sampling
    rates: tuple[Rate, ...] = (8, 8, 4)  # of the up-samplings; their product is the hop
    kernels: tuple[Annotated[int, Meta(ge=3)], ...] = (3, 7)  # of the residual blocks; odd
    dilations: tuple[Annotated[int, Meta(ge=1)], ...] = (1, 3)

    def __post_init__(self) -> None:
        if math.prod(self.rates) != self.hop:
            raise UsageError(f"rates {self.rates} multiply to {math.prod(self.rates)}, not to hop")


class Hifigan(Vocoder):
    """See Vocoder."""

    name: ClassVar[str] = "hifigan"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[HifiganConfig]] = HifiganConfig
    card: ClassVar[Card] = Card(
        summary="A vocoder GAN of transposed convolutions: a mel spectrum made sound again.",
        papers=("Kong 2020, arXiv 2010.05646", "Kumar 2019, arXiv 1910.06711"),
        good_for="Twins of recordings by the kind of vocoder that most speech synthesis from 2020"
        " to 2023 ended in.",
        traces="Lines at multiples of its up-samplers' rates; phases that fit no source.",
        limits="After minutes on a CPU it buzzes; another choice of rates and kernels leaves other"
        " traces, so train several.",
        cost="About 0.4 s of a core a step.",
    )

    config: HifiganConfig

    @classmethod
    def tiny(cls) -> "Hifigan":
        """Width 8, two up-samplings, short clips."""
        few = HifiganConfig(
            size=256,
            hop=64,
            mels=20,
            width=8,
            rates=(8, 8),
            kernels=(3,),
            dilations=(1,),
            clip=2048,
            batch=2,
        )
        return cls(few, pick("cpu"))

    def network(self) -> nn.Module:
        """The vocoder, its mel spectrum included."""
        return Network(self.config)


class Network(nn.Module):
    """Waves float32 [n, 1, t] to waves of the same shape."""

    def __init__(self, config: HifiganConfig) -> None:
        super().__init__()
        self.mel = MelSpectrum(config.size, config.hop, config.mels, config.high_hz)
        self.first = nn.Conv1d(config.mels, config.width, 7, padding=3)
        self.up = nn.ModuleList()
        self.blocks = nn.ModuleList()
        width = config.width
        for rate in config.rates:
            after = max(4, width // 2)
            # A kernel of two rates, cut so that n frames give n × rate samples.
            self.up.append(
                nn.ConvTranspose1d(
                    width, after, 2 * rate, rate, (rate + 1) // 2, output_padding=rate % 2
                )
            )
            self.blocks.append(
                nn.ModuleList(Block(after, k, config.dilations) for k in config.kernels)
            )
            width = after
        self.last = nn.Conv1d(width, 1, 7, padding=3)

    def forward(self, wave: Tensor) -> Tensor:
        """The wave that its mel spectrum is turned into."""
        x = self.first(self.mel(wave))
        for up, blocks in zip(self.up, self.blocks, strict=True):
            x = up(leaky_relu(x, SLOPE))
            x = torch.stack([block(x) for block in blocks.children()]).mean(0)
        made: Tensor = torch.tanh(self.last(leaky_relu(x, SLOPE)).float())
        return made[..., : wave.shape[-1]]


class Block(nn.Module):
    """Dilated convolutions around which the input goes: [n, width, t] to the same shape."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, kernel, padding=d * (kernel // 2), dilation=d)
            for d in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """Itself and what each convolution adds."""
        for layer in self.layers:
            x = x + layer(leaky_relu(x, SLOPE))
        return x
