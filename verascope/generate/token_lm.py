"""A neural codec's tokens, some of them said anew by a small language model.

Speech of 2023 on is sampled as tokens of a codec (AudioLM: Borsos et al. 2022, arXiv 2209.03143;
VALL-E: Wang et al. 2023, arXiv 2301.02111). Here the codec (vq_codec.py; VQ-VAE: van den Oord et
al. 2017, arXiv 1711.00937) reads a real recording, spans of its tokens are forgotten and sampled
again, frame after frame and book after book, given what stands around them, and all is decoded:
the look of such speech with the words, voice and timing of a real twin.
"""

from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from verascope.generate.contract import Card, Data, Item
from verascope.generate.device import pick
from verascope.generate.fixed import between
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.sound_base import as_wave, from_samples, to_samples
from verascope.generate.sounds import Clips
from verascope.generate.vocoder import SHOWN, Coded, Vocoder, VocoderTraining, leveled
from verascope.generate.vq_codec import Network as Codec
from verascope.generate.vq_codec import VqCodecConfig

Share = Annotated[float, Meta(ge=0, le=1)]


class TokenLmConfig(VqCodecConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the language model and its sampling, beside those of the codec."""

    hidden: Annotated[int, Meta(ge=4)] = 192  # of each recurrent network
    codec_share: Annotated[float, Meta(gt=0, lt=1)] = 0.7  # of the budget; the rest is the model's
    future: bool = True  # what comes after a token is told too; else only what came before
    # Drawn for each recording: how much of it is sampled, and how boldly.
    share: tuple[Share, Share] = (0.2, 0.6)
    temperature: tuple[Annotated[float, Meta(gt=0)], Annotated[float, Meta(gt=0)]] = (0.7, 1.0)
    span: Annotated[int, Meta(ge=1)] = 8  # frames that are sampled in a row
    kept_books: Annotated[int, Meta(ge=0)] = 0  # the first books stay the recording's


class TokenLm(Vocoder):
    """See Vocoder."""

    name: ClassVar[str] = "token-lm"
    family: ClassVar[str] = "codec"
    config_type: ClassVar[type[TokenLmConfig]] = TokenLmConfig
    card: ClassVar[Card] = Card(
        summary="A recording's codec tokens, spans of them sampled anew by a language model.",
        papers=("Borsos 2022, arXiv 2209.03143", "Wang 2023, arXiv 2301.02111"),
        good_for="Twins with the look of speech by neural codec language models, which detectors"
        " trained on vocoders miss.",
        traces="Those of the codec; sounds that slip within a word, a voice that wavers.",
        limits="A model of minutes knows sounds, not words: where a long span is sampled with only"
        " the past told, words are lost.",
        cost="0.8 s a step of the codec and 0.09 s of the model, by the clock on a shared core.",
    )

    config: TokenLmConfig

    @classmethod
    def tiny(cls) -> "TokenLm":
        """Width 4, two books of 8 codes, 8 hidden units, short clips."""
        few = TokenLmConfig(
            width=4,
            rates=(4, 4),
            latent=4,
            codes=8,
            books=2,
            hidden=8,
            codec_share=0.5,
            share=(0.5, 0.5),
            clip=2048,
            batch=2,
        )
        return cls(few, pick("cpu"))

    def network(self) -> nn.Module:
        """Codec and language model."""
        return Network(self.config)

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """The codec's game, then the language model on its tokens; random clips of the data."""
        with seeded(seed):
            network = Network(self.config)
        preview = Clips(data, self.config.clip, seed + 1).batch(SHOWN)
        made = _Training(self.config, network, seed, self.device, preview)
        return made, Clips(data, self.config.clip, seed)

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin, at its level; which spans are sampled, and what, the rng draws."""
        network, config = self.ready(), self.config
        assert isinstance(network, Network)
        share, temperature = between(rng, config.share), between(rng, config.temperature)
        with torch.inference_mode():
            wave = leveled(as_wave(item.media, self.device))
            tokens = network.codec.tokens(wave)
            anew = spans(tokens.shape[1], share, config.span, rng)
            said = network.model.resampled(tokens, anew, temperature, config.kept_books, rng)
            made = network.codec.decoded(said, wave.shape[-1])
        return replace(item, media=to_samples(made, like=item.media))


def spans(frames: int, share: float, length: int, rng: np.random.Generator) -> list[bool]:
    """Which of some frames are sampled: whole spans, about this share of all."""
    blocks = -(-frames // length)
    chosen = rng.permutation(blocks) < round(share * blocks)
    return [bool(chosen[k // length]) for k in range(frames)]


class _Training(VocoderTraining):
    """The codec's training, and after it the language model's."""

    def __init__(self, config: TokenLmConfig, network: "Network", *rest: Any) -> None:
        super().__init__(config, network, *rest)
        self._options = config
        rate = config.learning_rate
        self.optimisers["g"] = torch.optim.AdamW(network.codec.parameters(), rate, (0.8, 0.99))
        self.optimisers["lm"] = torch.optim.AdamW(network.model.parameters(), rate)

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """One update of the codec, or of the model: −Σ log p(token | what stands around it)."""
        share = self._options.codec_share
        if used < share:
            return super().step(batch, used / share)
        network = self.modules["g"]
        assert isinstance(network, Network)
        late = (used - share) / (1 - share)
        self.optimisers["lm"].param_groups[0]["lr"] = self._options.learning_rate * (
            1 - 0.95 * late
        )
        with torch.no_grad():
            tokens = network.codec.tokens(leveled(from_samples(batch)))
        loss = cross_entropy(network.model(tokens).flatten(0, 2).float(), tokens.flatten())
        self.update("lm", loss)
        return {"loss_tokens": loss.item()}


class Network(Coded):
    """A codec, and a language model over its tokens."""

    def __init__(self, config: TokenLmConfig) -> None:
        super().__init__()
        self.codec = Codec(config)
        self.model = TokenModel(config.codes, config.books, config.hidden, config.future)

    def forward(self, wave: Tensor) -> Tensor:
        """The codec's round trip."""
        made: Tensor = self.codec(wave)
        return made

    def both(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """The codec's; see Coded."""
        return self.codec.both(wave)


class TokenModel(nn.Module):
    """Tokens [n, frames, books] to logits of each, given all before it (and the frames after).

    One recurrent network (GRU: Cho et al. 2014, arXiv 1406.1078) reads frames forwards, another
    backwards; within a frame a book is told those before it.
    """

    def __init__(self, codes: int, books: int, hidden: int, future: bool) -> None:
        super().__init__()
        self._codes = codes
        self.told = nn.ModuleList(nn.Embedding(codes, hidden) for _ in range(books))
        self.past = nn.GRU(hidden, hidden, batch_first=True)
        self.coming = nn.GRU(hidden, hidden, batch_first=True) if future else None
        self.within = nn.ModuleList(nn.Embedding(codes, hidden) for _ in range(books))
        self.heads = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU())
            for _ in range(books)
        )
        self.last = nn.ModuleList(nn.Linear(hidden, codes) for _ in range(books))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [n, frames, books, codes] of the tokens themselves; none sees itself."""
        frames = self._frames(tokens)
        none = torch.zeros_like(frames[:, :1])
        state = self.past(torch.cat([none, frames[:, :-1]], 1))[0] + self._after(frames)
        logits = []
        for book, within in enumerate(self.within):
            logits.append(self._logits(book, state))
            state = state + within(tokens[..., book])
        return torch.stack(logits, 2)

    def resampled(
        self,
        tokens: Tensor,
        anew: list[bool],
        temperature: float,
        kept_books: int,
        rng: np.random.Generator,
    ) -> Tensor:
        """Tokens [1, frames, books] with those of the frames `anew` drawn from the model.

        What was drawn is the past of what comes after it; the future is what stood there.
        """
        tokens = tokens.clone()
        after = self._after(self._frames(tokens))
        frame, memory = torch.zeros_like(after[:, :1]), None
        for place, drawn in enumerate(anew):
            found, memory = self.past(frame, memory)
            state = found + after[:, place : place + 1]
            for book, within in enumerate(self.within if drawn else ()):
                if book >= kept_books:
                    chances = (self._logits(book, state)[0, 0] / temperature).softmax(-1)
                    tokens[0, place, book] = one_of(chances, rng)
                state = state + within(tokens[:, place : place + 1, book])
            frame = self._frames(tokens[:, place : place + 1])
        return tokens

    def _frames(self, tokens: Tensor) -> Tensor:
        each = [told(tokens[..., book]) for book, told in enumerate(self.told)]
        return torch.stack(each).sum(0)

    def _after(self, frames: Tensor) -> Tensor:
        """What is known of the frames after each one, [n, frames, hidden]."""
        if self.coming is None:
            return torch.zeros_like(frames)
        back = torch.cat([frames[:, 1:], torch.zeros_like(frames[:, :1])], 1).flip(1)
        found: Tensor = self.coming(back)[0].flip(1)
        return found

    def _logits(self, book: int, state: Tensor) -> Tensor:
        logits: Tensor = self.last[book](self.heads[book](state))
        return logits


def one_of(chances: Tensor, rng: np.random.Generator) -> int:
    """A number drawn by its chances, float [codes]."""
    reached = np.cumsum(chances.detach().double().cpu().numpy())
    return min(int(np.searchsorted(reached, rng.random() * reached[-1])), len(reached) - 1)
