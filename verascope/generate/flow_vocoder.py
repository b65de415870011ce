"""A flow vocoder: noise carried to a recording along straight lines, told by its mel spectrum.

Conditional flow matching (Lipman et al. 2022, arXiv 2210.02747) on waves, as few Euler steps as the
config says. The noise has the spectrum that the mel bands ask for (a prior from the condition, as
in SpecGrad: Koizumi et al. 2022, arXiv 2203.16749), and the velocity is predicted at the frame rate
on spectra (RFWave: Liu et al. 2024, arXiv 2403.05010), divided by that same envelope.
"""

import copy
import math
from dataclasses import replace
from itertools import chain
from typing import Annotated, ClassVar

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from verascope.generate.base import average
from verascope.generate.contract import Card, Config, Data, Item
from verascope.generate.device import Device, pick
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.sound_base import SoundTransformer, as_wave, from_samples, sheet, to_samples
from verascope.generate.sounds import RATE, Clips
from verascope.generate.vocoder import SHOWN, MelSpectrum, leveled, spectra
from verascope.generate.vocos import Block

WAVES = 16  # sines and as many cosines that tell the network the time
WARM = 10  # steps after which the moving average follows its decay


class FlowVocoderConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the flow vocoder."""

    size: Annotated[int, Meta(ge=64, multiple_of=2)] = 512  # of a frame, samples
    hop: Annotated[int, Meta(ge=16)] = 128  # samples
    mels: Annotated[int, Meta(ge=8)] = 80
    high_hz: Annotated[float, Meta(ge=1000, le=RATE / 2)] = 8000.0
    width: Annotated[int, Meta(ge=4)] = 192
    depth: Annotated[int, Meta(ge=1)] = 6  # blocks
    kernel: Annotated[int, Meta(ge=3)] = 7  # frames; odd
    euler: Annotated[int, Meta(ge=1, le=200)] = 8  # steps from noise to sound
    clip: Annotated[int, Meta(ge=1024)] = 8192  # samples, of a training clip
    batch: Annotated[int, Meta(ge=1)] = 8
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3  # falls linearly to 5 % of it
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.999  # moving average of the network


class FlowVocoder(SoundTransformer):
    """Copy-synthesis of recordings of any length."""

    name: ClassVar[str] = "flow-vocoder"
    family: ClassVar[str] = "flow"
    config_type: ClassVar[type[FlowVocoderConfig]] = FlowVocoderConfig
    card: ClassVar[Card] = Card(
        summary="A vocoder by flow matching: noise made sound in a few steps, led by a mel"
        " spectrum.",
        papers=("Lipman 2022, arXiv 2210.02747", "Liu 2024, arXiv 2403.05010"),
        good_for="Twins of recordings by the kind of vocoder that diffusion and flow-matching"
        " speech ends in.",
        traces="Noise in place of a voice's harmonics; no up-sampling lines; spectra as real ones.",
        limits="After eleven minutes on a CPU it whispers: its prior alone is as near to the"
        " original in mel bands, and as toneless. Pitch takes far longer training.",
        cost="About 0.15 s of a core a step.",
    )

    config: FlowVocoderConfig

    @classmethod
    def tiny(cls) -> "FlowVocoder":
        """Width 8, one block, two steps, short clips."""
        few = FlowVocoderConfig(
            size=256, hop=64, mels=20, width=8, depth=1, euler=2, clip=2048, batch=2
        )
        return cls(few, pick("cpu"))

    def network(self) -> nn.Module:
        """The velocity's network, with the mel spectrum and the prior."""
        return Network(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """Flow matching on random clips of the data."""
        config = self.config
        preview = Clips(data, config.clip, seed + 1).batch(SHOWN)
        return _Training(config, seed, self.device, preview), Clips(data, config.clip, seed)

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin, at its level, from noise of its own."""
        network = self.ready()
        assert isinstance(network, Network)
        white = torch.from_numpy(rng.standard_normal(len(item.media)).astype(np.float32))
        with torch.inference_mode():
            wave = leveled(as_wave(item.media, self.device))
            made = network.made(wave, white.to(wave.device)[None, None])
        return replace(item, media=to_samples(made, like=item.media))


class _Training(Method):
    """The network, its moving average, its optimiser, and one step."""

    def __init__(
        self, config: FlowVocoderConfig, seed: int, device: Device, preview: NDArray[np.int16]
    ) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        with seeded(seed):
            network = Network(config).to(device.device)
        self.noise = torch.Generator().manual_seed(seed)
        self._preview = leveled(from_samples(torch.from_numpy(preview).to(device.device)))
        self._white = torch.randn(self._preview.shape, generator=self.noise).to(device.device)
        self.modules = {"flow": network, "ema": copy.deepcopy(network).requires_grad_(False)}
        self.optimisers = {
            "flow": torch.optim.AdamW(network.parameters(), config.learning_rate, (0.9, 0.99))
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update along E ‖v(x_t, t, mel) − (x₁ − x₀)‖², x_t = (1 − t) x₀ + t x₁."""
        network, config = self.modules["flow"], self._config
        assert isinstance(network, Network)
        self.optimisers["flow"].param_groups[0]["lr"] = config.learning_rate * (1 - 0.95 * used)
        x1 = leveled(from_samples(batch))
        white = torch.randn(x1.shape, generator=self.noise).to(x1.device)
        t = torch.rand(len(x1), 1, 1, generator=self.noise).to(x1.device)
        mel = network.mel(x1)
        envelope = network.envelope(mel)
        x0 = network.shaped(white, envelope)
        wanted = network.whitened(x1 - x0, envelope)
        with self.device.autocast():
            found = network((1 - t) * x0 + t * x1, t, mel, envelope)
        loss = (found.float() - wanted).square().mean()
        self.update("flow", loss)
        decay = min(config.ema, self.steps / (self.steps + WARM))
        average(self.modules["ema"], network, decay)
        return {"loss_flow": loss.item()}

    def preview(self) -> NDArray[np.uint8]:
        """A few clips that never change, each above its twin."""
        network = self.modules["ema"]
        assert isinstance(network, Network)
        with torch.inference_mode():
            made = network.made(self._preview, self._white)
        return sheet(torch.stack(list(chain(*zip(self._preview, made, strict=True)))))

    def weights(self) -> dict[str, Tensor]:
        """The moving average's."""
        return self.modules["ema"].state_dict()


class Network(nn.Module):
    """The velocity of a noisy wave, on whitened spectra [n, 2 × bins, frames]."""

    def __init__(self, config: FlowVocoderConfig) -> None:
        super().__init__()
        self._size, self._hop, self._euler = config.size, config.hop, config.euler
        bins = config.size // 2 + 1
        self.mel = MelSpectrum(config.size, config.hop, config.mels, config.high_hz)
        self.register_buffer("window", torch.hann_window(config.size), persistent=False)
        self.register_buffer("spread", _spread(self.mel.get_buffer("filters")), persistent=False)
        self.time = nn.Sequential(
            nn.Linear(2 * WAVES, config.width), nn.SiLU(), nn.Linear(config.width, config.width)
        )
        self.first = nn.Conv1d(2 * bins + config.mels, config.width, 3, padding=1)
        self.norm = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.kernel) for _ in range(config.depth))
        self.last = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, 2 * bins)

    def forward(self, wave: Tensor, t: Tensor, mel: Tensor, envelope: Tensor) -> Tensor:
        """The velocity at x_t [n, 1, samples] and time t [n, 1, 1], whitened."""
        seen = torch.cat([self.whitened(wave, envelope), mel], 1)
        x = self.norm(self.first(seen).mT) + self.time(_sines(t[:, 0]))[:, None]
        for block in self.blocks:
            x = block(x)
        velocity: Tensor = self.head(self.last(x)).mT
        return velocity

    def made(self, wave: Tensor, white: Tensor) -> Tensor:
        """The wave that the mel spectrum of `wave` is turned into, from white noise of its shape.

        Euler: x ← x + v(x, t) / steps, from x₀ on.
        """
        mel = self.mel(wave)
        envelope = self.envelope(mel)
        x = self.shaped(white, envelope)
        for step in range(self._euler):
            t = x.new_full((len(x), 1, 1), step / self._euler)
            velocity = self(x, t, mel, envelope).float()
            x = x + self._wave(velocity, envelope, x.shape[-1]) / self._euler
        return x

    def envelope(self, mel: Tensor) -> Tensor:
        """Root mean square magnitude of each bin that log mel bands ask for: [n, bins, frames]."""
        return self.get_buffer("spread") @ mel.exp()

    def shaped(self, white: Tensor, envelope: Tensor) -> Tensor:
        """Noise [n, 1, samples] of unit variance, given the envelope."""
        flat = self.get_buffer("window").square().sum().sqrt()
        found = spectra(white, self._size, self._hop, self.get_buffer("window"))
        return self._back(found * envelope / flat, white.shape[-1])

    def whitened(self, wave: Tensor, envelope: Tensor) -> Tensor:
        """The wave's spectra over the smoothed envelope, real parts before imaginary ones."""
        found = spectra(wave, self._size, self._hop, self.get_buffer("window"))
        found = found / _smooth(envelope)
        return torch.cat([found.real, found.imag], 1)

    def _wave(self, whitened: Tensor, envelope: Tensor, length: int) -> Tensor:
        real, imaginary = whitened.chunk(2, 1)
        return self._back(torch.complex(real, imaginary) * _smooth(envelope), length)

    def _back(self, found: Tensor, length: int) -> Tensor:
        window = self.get_buffer("window")
        return torch.istft(found, self._size, self._hop, window=window, length=length)[:, None]


def _spread(filters: Tensor) -> Tensor:
    """Mel bands [mels, bins] to a matrix from band magnitudes to those of bins, [bins, mels].

    A bin takes the mean of the bands that hold it; one that none holds, that of the nearest bin
    that some band does.
    """
    mean = filters / filters.sum(1, keepdim=True).clamp(min=1e-8)
    share = (filters / filters.amax(1, keepdim=True).clamp(min=1e-8)).T
    held = torch.nonzero(share.sum(1) > 0)[:, 0]
    bins = torch.arange(filters.shape[1])
    nearest = held[(bins[:, None] - held[None]).abs().argmin(1)]
    share = share[nearest]
    share = share / share.sum(1, keepdim=True)
    # A band's magnitude is a sum over its filter; its mean, that sum over the filter's.
    scale = mean.sum(1) / filters.sum(1).clamp(min=1e-8)
    # Root mean square of what has a mean of 1, for magnitudes of noise (Rayleigh's): 2 / √π
    return share * scale * (2 / math.sqrt(math.pi))


def _smooth(envelope: Tensor) -> Tensor:
    """Each bin's power a mean over its neighbours in band and time: [n, bins, frames] to the same.

    Frames overlap, so that shaped noise has some power of its neighbours' in every bin; over the
    bare envelope it would weigh fifty times too much in a pause beside a word.
    """
    power = avg_pool2d(envelope[:, None].square(), 3, 1, 1, count_include_pad=False)
    return power[:, 0].sqrt()


def _sines(t: Tensor) -> Tensor:
    """Times [n, 1], 0 to 1, as sines and cosines [n, 2 × WAVES]."""
    angles = t * torch.arange(1, WAVES + 1, device=t.device) * math.pi / 2
    return torch.cat([angles.sin(), angles.cos()], 1)
