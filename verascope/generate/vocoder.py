"""What neural vocoders share: a mel spectrum in, a wave out, and the game that they are trained by.

L1 between log mel spectra at three resolutions, and in the later part of the training critics that
look at spectra of three frame lengths (Jang et al. 2021, arXiv 2106.07889; the hinge loss of Lim
and Ye 2017, arXiv 1705.02894) with feature matching (Kumar et al. 2019, arXiv 1910.06711). A twin
has the words, voice and timing of its original: what differs is the vocoder's trace.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad, relu

from verascope.generate.contract import Config, Data, Item
from verascope.generate.device import Device
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.mel import mel_filters
from verascope.generate.sound_base import SoundTransformer, as_wave, from_samples, sheet, to_samples
from verascope.generate.sounds import RATE, Clips

LOUDNESS = 0.05  # root mean square that every clip is brought to; a twin gets its original's back
FLOOR = 1e-5  # of a mel magnitude
RESOLUTIONS = (256, 512, 1024)  # samples a frame, of the mel loss and of the critics
SHOWN = 4  # clips of a preview


class VocoderConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options that neural vocoders share."""

    size: Annotated[int, Meta(ge=64, multiple_of=2)] = 1024  # of a frame, samples
    hop: Annotated[int, Meta(ge=16)] = 256  # samples
    mels: Annotated[int, Meta(ge=8)] = 80
    high_hz: Annotated[float, Meta(ge=1000, le=RATE / 2)] = 8000.0
    width: Annotated[int, Meta(ge=4)] = 128
    clip: Annotated[int, Meta(ge=1024)] = 8192  # samples, of a training clip
    batch: Annotated[int, Meta(ge=1)] = 8
    learning_rate: Annotated[float, Meta(gt=0)] = 1e-3  # falls linearly to 5 % of it
    adversarial: Annotated[float, Meta(ge=0)] = 0.1  # weight of the critics; 0 = none
    begins: Annotated[float, Meta(ge=0, le=1)] = 0.4  # share of the budget before the critics


class Vocoder(SoundTransformer):
    """Copy-synthesis of recordings of any length; a subclass brings `network()`."""

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The game, on random clips of the data."""
        config: Any = self.config
        with seeded(seed):
            network = self.network()
        preview = Clips(data, config.clip, seed + 1).batch(SHOWN)
        made = VocoderTraining(config, network, seed, self.device, preview)
        return made, Clips(data, config.clip, seed)

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin, at its level; nothing is drawn, so the seed changes nothing."""
        with torch.inference_mode():
            made = self.ready()(leveled(as_wave(item.media, self.device)))
        return replace(item, media=to_samples(made, like=item.media))


class MelSpectrum(nn.Module):
    """Waves float32 [n, 1, t] to log mel magnitudes [n, mels, 1 + t // hop]."""

    def __init__(self, size: int, hop: int, mels: int, high_hz: float = RATE / 2) -> None:
        super().__init__()
        self._size, self._hop = size, hop
        filters = torch.from_numpy(mel_filters(mels, size, 0.0, high_hz).copy()).float()
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """Frames are centred; the ends are mirrored, or zeros where there is too little."""
        magnitude = spectra(wave, self._size, self._hop, self.get_buffer("window")).abs()
        return (self.get_buffer("filters") @ magnitude).clamp(min=FLOOR).log()


class VocoderTraining(Method):
    """Vocoder and critics, their optimisers, and one step."""

    def __init__(
        self,
        config: VocoderConfig,
        network: nn.Module,
        seed: int,
        device: Device,
        preview: NDArray[np.int16],
    ) -> None:
        self.batch, self.device, self.scaler = config.batch, device, device.scaler()
        self._config = config
        self._preview = leveled(from_samples(torch.from_numpy(preview).to(device.device)))
        self.noise = torch.Generator().manual_seed(seed)
        with seeded(seed + 1):
            critics = nn.ModuleList(Critic(size) for size in RESOLUTIONS)
        self._critics = critics.to(device.device)
        self._mels = [MelSpectrum(n, n // 4, n // 16).to(device.device) for n in RESOLUTIONS]
        self.modules = {"g": network.to(device.device), "d": self._critics}
        self.optimisers = {
            name: torch.optim.AdamW(module.parameters(), config.learning_rate, betas=(0.8, 0.99))
            for name, module in self.modules.items()
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of the vocoder; later in the training, of the critics before it."""
        config = self._config
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = config.learning_rate * (1 - 0.95 * used)
        x = leveled(from_samples(batch))
        with self.device.autocast():
            y, loss_codes = self._made(x)
        # Σ ‖log mel(x) − log mel(y)‖₁, in single precision: logarithms of little
        loss = torch.stack([(mel(x) - mel(y.float())).abs().mean() for mel in self._mels]).mean()
        losses = {"loss_mel": loss.item()}
        loss = loss + loss_codes
        if config.adversarial > 0 and used >= config.begins:
            with self.device.autocast():
                # D: E max(0, 1 − D(x)) + E max(0, 1 + D(y))
                loss_d = torch.stack(
                    [
                        relu(1 - d(x)[-1]).mean() + relu(1 + d(y.detach())[-1]).mean()
                        for d in self._critics
                    ]
                ).mean()
            self.update("d", loss_d)
            with self.device.autocast():
                # G: −E D(y) + 2 Σ ‖D_i(x) − D_i(y)‖₁
                loss_g = torch.stack(list(self._game(x, y))).mean()
                loss = loss + config.adversarial * loss_g
            losses |= {"loss_d": loss_d.item(), "loss_g": loss_g.item()}
        self.update("g", loss)
        return losses

    def _made(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Twins, and what a codebook adds to the loss."""
        network = self.modules["g"]
        if isinstance(network, Coded):
            return network.both(x)
        return network(x), x.new_zeros(())

    def _game(self, x: Tensor, y: Tensor) -> Iterator[Tensor]:
        for critic in self._critics:
            real, made = critic(x), critic(y)
            pairs = zip(real[:-1], made[:-1], strict=True)
            matching = torch.stack([(a.detach() - b).abs().mean() for a, b in pairs]).mean()
            yield 2 * matching - made[-1].mean()

    def preview(self) -> NDArray[np.uint8]:
        """A few clips that never change, each above its twin."""
        network = self.modules["g"].eval()
        with torch.inference_mode():
            made = network(self._preview)
        network.train()
        return sheet(torch.stack(list(chain(*zip(self._preview, made, strict=True)))))

    def weights(self) -> dict[str, Tensor]:
        """The vocoder's."""
        return self.modules["g"].state_dict()


class Coded(nn.Module):
    """A network with a codebook, whose loss its training adds."""

    def both(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """The wave made of waves [n, 1, t], and the codebook's loss."""
        raise NotImplementedError


class Critic(nn.Module):
    """Waves [n, 1, t] to the outputs of each layer on their log spectra; the last are scores."""

    def __init__(self, size: int, width: int = 16) -> None:
        super().__init__()
        self._size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(1, width, (5, 3), (2, 1), (2, 1)),
                nn.Conv2d(width, width, (5, 3), (2, 2), (2, 1)),
                nn.Conv2d(width, 2 * width, (5, 3), (2, 2), (2, 1)),
                nn.Conv2d(2 * width, 1, 3, 1, 1),
            ]
        )

    def forward(self, wave: Tensor) -> list[Tensor]:
        """Maps, the last of them above 0 where the sound is real."""
        found = spectra(wave.float(), self._size, self._size // 4, self.get_buffer("window"))
        x = found.abs().clamp(min=FLOOR).log()[:, None]
        maps: list[Tensor] = []
        for layer in self.layers:
            x = layer(x if not maps else leaky_relu(x, 0.2))
            maps.append(x)
        return maps


def spectra(wave: Tensor, size: int, hop: int, window: Tensor) -> Tensor:
    """Complex spectra of waves [n, 1, t]: [n, size // 2 + 1, 1 + t // hop], frames centred."""
    mirrored = wave.shape[-1] > size // 2
    padded = pad(wave.float(), (size // 2, size // 2), mode="reflect" if mirrored else "constant")
    return torch.stft(padded[:, 0], size, hop, window=window, center=False, return_complex=True)


def leveled(wave: Tensor) -> Tensor:
    """Waves [n, 1, t], each brought to one root mean square."""
    power = wave.square().mean(-1, keepdim=True)
    return wave * (LOUDNESS / (power.sqrt() + 1e-6))
