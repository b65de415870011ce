"""Vocos: a vocoder that predicts spectra at the frame rate, and leaves the rest to Fourier.

Siuzdak 2023 (arXiv 2306.00814): ConvNeXt blocks (Liu et al. 2022, arXiv 2201.03545) on a mel
spectrum, then magnitude and phase of every bin, and an inverse transform. Nothing is up-sampled by
a network, so that its traces are another kind than a transposed convolution's.
"""

from typing import Annotated, ClassVar

import torch
from msgspec import Meta
from torch import Tensor, nn

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.vocoder import MelSpectrum, Vocoder, VocoderConfig

LOUDEST = 100.0  # magnitude of a bin, as in the paper's code


class VocosConfig(VocoderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of Vocos beside those of all vocoders."""

    depth: Annotated[int, Meta(ge=1)] = 4  # blocks
    kernel: Annotated[int, Meta(ge=3)] = 7  # frames; odd


class Vocos(Vocoder):
    """See Vocoder."""

    name: ClassVar[str] = "vocos"
    family: ClassVar[str] = "gan"
    config_type: ClassVar[type[VocosConfig]] = VocosConfig
    card: ClassVar[Card] = Card(
        summary="A vocoder GAN that predicts spectra: a recording's mel spectrum made sound again.",
        papers=("Siuzdak 2023, arXiv 2306.00814", "Jang 2021, arXiv 2106.07889"),
        good_for="Twins of recordings with the words, voice and timing of the original, by the kind"
        " of vocoder that recent speech synthesis ends in.",
        traces="Phases that fit no source, and the frame rate of its hop; no up-sampling lines.",
        limits="After minutes on a CPU it sounds rough; another mel, hop or width leaves other"
        " traces, so train several.",
        cost="About 0.2 s of a core a step.",
    )

    config: VocosConfig

    @classmethod
    def tiny(cls) -> "Vocos":
        """Width 8, one block, short clips."""
        few = VocosConfig(size=256, hop=64, mels=20, width=8, depth=1, clip=2048, batch=2)
        return cls(few, pick("cpu"))

    def network(self) -> nn.Module:
        """The vocoder, its mel spectrum included."""
        return Network(self.config)


class Network(nn.Module):
    """Waves float32 [n, 1, t] to waves of the same shape."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self._size, self._hop = config.size, config.hop
        around = config.kernel // 2
        self.mel = MelSpectrum(config.size, config.hop, config.mels, config.high_hz)
        self.first = nn.Conv1d(config.mels, config.width, config.kernel, padding=around)
        self.norm = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.kernel) for _ in range(config.depth))
        self.last = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.size + 2)
        self.register_buffer("window", torch.hann_window(config.size), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """The wave that its mel spectrum is turned into."""
        x = self.norm(self.first(self.mel(wave)).mT)  # [n, frames, width]
        for block in self.blocks:
            x = block(x)
        magnitude, phase = self.head(self.last(x)).float().mT.chunk(2, 1)
        bins = torch.polar(magnitude.exp().clamp(max=LOUDEST), phase)
        length, window = wave.shape[-1], self.get_buffer("window")
        return torch.istft(bins, self._size, self._hop, window=window, length=length)[:, None]


class Block(nn.Module):
    """ConvNeXt in one dimension: [n, frames, width] to the same shape."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.across = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(
            nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width)
        )
        self.scale = nn.Parameter(torch.full((width,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Itself and what the block adds."""
        added: Tensor = self.inner(self.norm(self.across(x.mT).mT))
        return x + self.scale * added
