"""A neural codec: the wave to a few codes a frame, and back, as token-based speech is made.

Strided convolutions down to frames, residual vector quantisation, transposed convolutions up again
(SoundStream: Zeghidour et al. 2021, arXiv 2107.03312), codebooks trained as in VQ-VAE (van den Oord
et al. 2017, arXiv 1711.00937). Like every neural codec's its round trips are labelled synthetic:
what comes out was made by a network, and detectors of speech made of such codes have to know it.
"""

import math
from typing import Annotated, ClassVar

import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import elu, one_hot, pad

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.vocoder import LOUDNESS, Coded, Vocoder, VocoderConfig

COMMITMENT = 0.25  # weight of keeping the encoder near its codes, van den Oord's β
KEPT = 0.99  # of a code's mean a step
UNUSED = 0.1  # times a batch; a code that is chosen less often is put on a frame of the batch
STRIDE = 7919  # a prime: frames that unused codes are put on lie apart in the batch
Rate = Annotated[int, Meta(ge=2, le=16)]


class VqCodecConfig(VocoderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the codec beside those of all vocoders; `size`, `hop` and `mels` do nothing."""

    width: Annotated[int, Meta(ge=4)] = 24  # channels of samples; doubled by each down-sampling
    rates: tuple[Rate, ...] = (4, 5, 8)  # of the down-samplings
    latent: Annotated[int, Meta(ge=2)] = 32  # numbers a frame that are quantised
    codes: Annotated[int, Meta(ge=2, le=65_536)] = 256  # of each codebook
    books: Annotated[int, Meta(ge=1, le=32)] = 4  # each quantises what the ones before it left


class VqCodec(Vocoder):
    """See Vocoder."""

    name: ClassVar[str] = "vq-codec"
    family: ClassVar[str] = "codec"
    config_type: ClassVar[type[VqCodecConfig]] = VqCodecConfig
    card: ClassVar[Card] = Card(
        summary="A small neural codec: a recording to residual vector-quantised codes and back.",
        papers=("Zeghidour 2021, arXiv 2107.03312", "van den Oord 2017, arXiv 1711.00937"),
        good_for="Twins by the decoder kind that token-based speech comes out of.",
        traces="Few spectra, repeated; lines at its up-samplers' rates; breath and room gone.",
        limits="After minutes on a CPU it is hoarse. Codecs in use have up to a thousand times its"
        " training.",
        cost="About 0.4 s of a core a step.",
    )

    config: VqCodecConfig

    @classmethod
    def tiny(cls) -> "VqCodec":
        """Width 4, two books of 8 codes, short clips."""
        few = VqCodecConfig(width=4, rates=(4, 4), latent=4, codes=8, books=2, clip=2048, batch=2)
        return cls(few, pick("cpu"))

    def network(self) -> nn.Module:
        """Encoder, codebooks, decoder."""
        return Network(self.config)


class Network(Coded):
    """Waves float32 [n, 1, t] to waves of the same shape."""

    def __init__(self, config: VqCodecConfig) -> None:
        super().__init__()
        self._hop = math.prod(config.rates)
        widths = [config.width * 2**k for k in range(len(config.rates) + 1)]
        down: list[nn.Module] = [nn.Conv1d(1, widths[0], 7, padding=3)]
        up: list[nn.Module] = []
        for rate, fine, coarse in zip(config.rates, widths[:-1], widths[1:], strict=True):
            around, odd = (rate + 1) // 2, rate % 2
            down += [Residual(fine), nn.ELU(), nn.Conv1d(fine, coarse, 2 * rate, rate, around)]
            back = nn.ConvTranspose1d(coarse, fine, 2 * rate, rate, around, output_padding=odd)
            up = [nn.ELU(), back, Residual(fine), *up]
        self.encoder = nn.Sequential(*down, nn.ELU(), nn.Conv1d(widths[-1], config.latent, 3, 1, 1))
        first = nn.Conv1d(config.latent, widths[-1], 7, padding=3)
        self.decoder = nn.Sequential(
            first, *up, nn.ELU(), nn.Conv1d(widths[0], 1, 7, padding=3), nn.Tanh()
        )
        size = config.books, config.codes
        self.register_buffer("books", torch.zeros(*size, config.latent))
        self.register_buffer("sums", torch.zeros(*size, config.latent))
        self.register_buffer("counts", torch.zeros(size))

    def forward(self, wave: Tensor) -> Tensor:
        """The round trip alone."""
        return self.both(wave)[0]

    def both(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """The round trip, and the encoder's loss: β ‖r − sg(e)‖², summed over the books."""
        z = self._frames(wave)
        left, loss = z, z.new_zeros(())
        for k in range(len(self.get_buffer("books"))):
            numbers = self._nearest(k, left)
            if self.training:
                numbers = self._follow(k, left.detach().mT.flatten(0, 1).float(), numbers)
            chosen = self._looked_up(k, numbers)
            loss = loss + COMMITMENT * ((left - chosen) ** 2).mean()
            left = left - chosen
        # The sum of the codes; gradients pass straight through to the encoder.
        coded = z - left.detach()
        return self.decoder(coded).float()[..., : wave.shape[-1]], loss

    def tokens(self, wave: Tensor) -> Tensor:
        """The codes of waves [n, 1, t]: int64 [n, frames, books]."""
        left, found = self._frames(wave), []
        for k in range(len(self.get_buffer("books"))):
            found.append(self._nearest(k, left))
            left = left - self._looked_up(k, found[-1])
        return torch.stack(found, -1)

    def decoded(self, tokens: Tensor, length: int) -> Tensor:
        """Codes int64 [n, frames, books] to waves [n, 1, length]."""
        each = [self._looked_up(k, tokens[..., k]) for k in range(tokens.shape[-1])]
        made: Tensor = self.decoder(torch.stack(each).sum(0)).float()
        return made[..., :length]

    def _frames(self, wave: Tensor) -> Tensor:
        whole = pad(wave / LOUDNESS, (0, -wave.shape[-1] % self._hop))
        z: Tensor = self.encoder(whole)
        return z

    def _nearest(self, k: int, rows: Tensor) -> Tensor:
        """The number of book k's code nearest to each frame of [n, latent, frames]: [n, frames]."""
        flat = rows.mT.flatten(0, 1).float()
        return torch.cdist(flat, self.get_buffer("books")[k]).argmin(1).view(len(rows), -1)

    def _looked_up(self, k: int, numbers: Tensor) -> Tensor:
        """Codes of book k by their numbers [n, frames]: [n, latent, frames]."""
        return self.get_buffer("books")[k][numbers].mT

    def _follow(self, k: int, rows: Tensor, numbers: Tensor) -> Tensor:
        """Move book k's codes to the mean of the frames [m, latent] that chose them.

        The moving means of van den Oord 2017, appendix A.1; a code that is hardly chosen is put on
        a frame, as in SoundStream, or a few codes would soon do for all. Returns the numbers anew.
        """
        book, sums, counts = (self.get_buffer(name)[k] for name in ("books", "sums", "counts"))
        chosen = one_hot(numbers.flatten(), len(book)).float()
        counts.mul_(KEPT).add_(chosen.sum(0), alpha=1 - KEPT)
        sums.mul_(KEPT).add_(chosen.T @ rows, alpha=1 - KEPT)
        unused = torch.nonzero(counts < UNUSED)[:, 0]
        taken = torch.arange(len(unused), device=rows.device) * STRIDE % len(rows)
        counts[unused] = 1.0
        sums[unused] = rows[taken]
        book.copy_(sums / counts[:, None])
        distances = torch.cdist(rows, book)
        return distances.argmin(1).view(numbers.shape)


class Residual(nn.Module):
    """Two convolutions around which the input goes: [n, width, t] to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=3, dilation=3)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Itself and what is added."""
        added: Tensor = self.mix(elu(self.wide(elu(x))))
        return x + added
