"""What families of texts share: a vocabulary in the checkpoint, sampling in batches, training."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from verascope.errors import InputTrouble
from verascope.generate import parallel
from verascope.generate.base import SAMPLE_BATCH, Base
from verascope.generate.contract import Budget, Data, Item, Watch, item_rng
from verascope.generate.device import Device
from verascope.generate.loop import Batches, Method, seeded
from verascope.generate.run import RunFolder, read_weights
from verascope.generate.text_sampling import Floats, Hook, Ints, Sampling, choose
from verascope.generate.text_tokens import (
    END,
    SPECIAL,
    UNKNOWN,
    Tokens,
    byte_pairs,
    characters,
    pack,
    unpack,
)
from verascope.generate.text_watermark import hook_of
from verascope.generate.texts import (
    MIN_CHARACTERS,
    as_media,
    as_text,
    example_texts,
    learned,
    whole_words,
)
from verascope.generate.versions import options
from verascope.result import Modality, Reason

FACTS = "vocabulary"  # its name in a checkpoint


class TextConfig(Sampling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options that all families of texts share, beside those of Sampling."""

    characters: Annotated[int, Meta(ge=MIN_CHARACTERS, le=20_000)] = 400  # of a sample, at most
    batch: Annotated[int, Meta(ge=1)] = 32
    watermark: str = ""  # a key file of verascope.provenance.text_watermark; "": none


class TextBase(Base):
    """A generator of texts that keeps its vocabulary in the checkpoint."""

    modality: ClassVar[Modality] = Modality.TEXT
    config: Any

    def __init__(self, config: Any = None, device: Device | None = None) -> None:
        super().__init__(config, device)
        self.tokens = Tokens(("", ""))

    def examples(self) -> list[Item]:
        """Composed texts; see Generator."""
        return example_texts()

    def load(self, checkpoint: Path) -> None:
        """Take vocabulary and weights of a checkpoint; see Generator."""
        weights = read_weights(checkpoint, self.name, self.config)
        self.tokens = unpack(weights.pop(FACTS).numpy())
        network = self.network()
        network.load_state_dict(weights)
        self._loaded = network.to(self.device.device).eval()


class TextSampler(TextBase):
    """A Sampler that chooses token after token; a subclass says how tokens score."""

    def begin(self, n: int) -> Any:
        """The state before the first token of n texts."""
        raise NotImplementedError

    def scores(self, last: Ints, state: Any) -> tuple[Floats, Any]:
        """Logits float64 [n, v] after the tokens `last` [n], and the state with them."""
        raise NotImplementedError

    def sample(self, n: int, seed: int, *, start: int = 0) -> Iterator[Item]:
        """Items `start` to `start + n - 1`; see Sampler."""
        self.ready()
        hook = hook_of(self.config.watermark, self.tokens.pieces)
        for low in range(start - start % SAMPLE_BATCH, start + n, SAMPLE_BATCH):
            keys = range(low, low + SAMPLE_BATCH)
            rngs = [item_rng(seed, key) for key in keys]
            for key, text in zip(keys, self.write(rngs, hook), strict=True):
                if start <= key < start + n:
                    yield Item(media=as_media(text), key=key, source=self.name)

    def write(self, rngs: list[np.random.Generator], hook: Hook | None = None) -> list[str]:
        """One text for each source of random numbers, cut at a word's end."""
        n, most = len(rngs), self.config.characters
        sizes = np.array([len(piece) for piece in self.tokens.pieces])
        written = np.full((n, 16), END, np.int64)  # what stands before the first token
        state, length = self.begin(n), np.zeros(n, np.int64)
        seen: list[set[bytes]] = [set() for _ in rngs]
        with torch.inference_mode():
            while length.min() <= most:
                scored, state = self.scores(written[:, -1], state)
                scored = scored.copy()
                scored[:, :SPECIAL] = -np.inf
                fresh = None if hook is None else _fresh(written[:, -hook.context :], seen)
                chosen = choose(scored, written, rngs, self.config, hook, fresh)
                written = np.concatenate([written, chosen[:, None]], 1)
                length += sizes[chosen]
        return [whole_words(self.tokens.decode(row[16:]), most) for row in written]

    def real(self, item: Item, rng: np.random.Generator) -> Item:
        """The beginning of a real text, of a drawn length up to a sample's; see Sampler."""
        return beginning(item, self.config.characters, rng)


class NextToken(TextSampler):
    """A network that is trained to tell the next token; a subclass brings `make()`."""

    def vocabulary(self, texts: tuple[str, ...]) -> Tokens:
        """The tokens that it learns."""
        if self.config.tokens == "characters":
            return characters(texts)
        return byte_pairs(texts, self.config.vocabulary)

    def make(self, size: int) -> nn.Module:
        """The untrained network for so many tokens."""
        raise NotImplementedError

    def network(self) -> nn.Module:
        """See Base."""
        return self.make(len(self.tokens.pieces))

    def method(self, data: Data, seed: int) -> tuple[Method, Batches]:
        """Cross-entropy of the next token, on windows of all texts behind one another."""
        texts = learned(data).train
        self.tokens = self.vocabulary(texts)
        with seeded(seed):
            self._loaded = self.network().to(self.device.device)
        return self.training(self._loaded, seed), Windows(
            self.tokens, texts, self.config.window, seed
        )

    def training(self, network: nn.Module, seed: int) -> Method:
        """The Method; SeqGAN has another."""
        return NextTokenTraining(self, network, seed)

    def begin(self, n: int) -> Any:
        """See TextSampler."""
        network: Any = self.ready()
        return network.begin(n)

    def scores(self, last: Ints, state: Any) -> tuple[Floats, Any]:
        """See TextSampler."""
        network: Any = self.ready()
        logits, state = network.next(torch.from_numpy(last).to(self.device.device), state)
        return logits.double().cpu().numpy(), state

    def bits(self, text: str) -> float:
        """Bits that the model spends on a text; a character that it lacks costs 21 more."""
        tokens = np.concatenate([[END], self.tokens.encode(text)])
        total = 21.0 * float((tokens == UNKNOWN).sum())
        x = torch.from_numpy(tokens).to(self.device.device)
        with torch.inference_mode():
            for at in range(0, len(x) - 1, self.config.window):
                piece = x[at : at + self.config.window + 1]
                logits = self.ready()(piece[None, :-1])[0]
                total += float(cross_entropy(logits, piece[1:], reduction="sum")) / np.log(2)
        return total


class Windows:
    """An endless stream of windows of texts, whose state can be saved and restored."""

    def __init__(self, tokens: Tokens, texts: tuple[str, ...], length: int, seed: int) -> None:
        """`length` in tokens; texts stand behind one another with an end token between."""
        parts = [part for text in texts for part in ([END], tokens.encode(text))]
        self._stream = np.resize(np.concatenate(parts), max(length + 1, sum(map(len, parts))))
        self._length = length
        self.rng = np.random.default_rng(np.random.SeedSequence(seed))

    def batch(self, n: int) -> NDArray[np.int64]:
        """N windows and the token after each: int64 [n, length + 1]."""
        starts = self.rng.integers(len(self._stream) - self._length, size=n)
        return np.asarray(
            self._stream[starts[:, None] + np.arange(self._length + 1)].astype(np.int64)
        )


class NextTokenTraining(Method):
    """The network, its optimiser, and one step."""

    def __init__(self, family: NextToken, network: nn.Module, seed: int) -> None:
        config = family.config
        self.batch, self.device = config.batch, family.device
        self.scaler = self.device.scaler()
        self.family, self._config, self._seed = family, config, seed
        self.noise = torch.Generator().manual_seed(seed)
        self.modules = {"model": network}
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.AdamW(
                network.parameters(), config.learning_rate, betas=(0.9, 0.95)
            )
        }

    def step(self, batch: Tensor, used: float) -> dict[str, float]:
        """−Σ log p(next token), at a learning rate that falls linearly to 5 %."""
        self.optimisers["model"].param_groups[0]["lr"] = self._config.learning_rate * (
            1 - 0.95 * used
        )
        with self.device.autocast():
            logits = self.modules["model"](batch[:, :-1])
            loss = cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        self.update("model", loss)
        return {"loss": loss.item()}

    def preview(self) -> NDArray[np.uint8]:
        """Two samples that are drawn from the same numbers every time."""
        self.modules["model"].eval()
        texts = self.family.write([item_rng(self._seed, k) for k in range(2)])
        self.modules["model"].train()
        return page("\n\n".join(texts))

    def weights(self) -> dict[str, Tensor]:
        """The network and its vocabulary."""
        facts = torch.from_numpy(pack(self.family.tokens))
        return {**self.modules["model"].state_dict(), FACTS: facts}


class Counted(TextSampler):
    """A family that counts once and spends no budget; a subclass brings `count()`."""

    def network(self) -> nn.Module:
        """A module without parameters."""
        return nn.Identity()

    def count(self, texts: tuple[str, ...]) -> dict[str, Tensor]:
        """What the checkpoint holds; sets the vocabulary."""
        raise NotImplementedError

    def take(self, weights: dict[str, Tensor]) -> None:
        """Take what count() gave."""
        raise NotImplementedError

    def train(
        self, data: Data, budget: Budget, *, seed: int, out: Path, watch: Watch | None = None
    ) -> Path:
        """Count, and write the checkpoint; see Generator."""
        made: Any = self  # a subclass is a Generator, this class alone is not
        how = options(made, data, budget, seed, self.device)
        with parallel.together(self.device.device), RunFolder(out, how) as run:
            run.log(event="started", step=0)
            weights = self.count(learned(data).train)
            run.save_weights(0, {**weights, FACTS: torch.from_numpy(pack(self.tokens))})
            run.log(event="done", step=0)
        self.load(run.checkpoint)
        return run.checkpoint

    def load(self, checkpoint: Path) -> None:
        """See Generator."""
        weights = read_weights(checkpoint, self.name, self.config)
        self.tokens = unpack(weights.pop(FACTS).numpy())
        self.take(weights)
        self._loaded = self.network()


def beginning(item: Item, most: int, rng: np.random.Generator) -> Item:
    """The first characters of a text, at most so many and at least 30, up to a word's end.

    Raises:
        InputTrouble: it is too short.
    """
    text = as_text(item.media)
    if len(text) < MIN_CHARACTERS:
        raise InputTrouble(Reason.TOO_SHORT)
    longest = min(most, len(text))
    cut = whole_words(text, int(rng.integers(max(MIN_CHARACTERS, longest // 2), longest + 1)))
    return replace(item, media=as_media(cut), origin=f"{item.origin}#char=0,{len(cut)}")


def _fresh(contexts: Ints, seen: list[set[bytes]]) -> NDArray[np.bool_]:
    """Which contexts [n, h] their texts have not had before: bool [n].

    A watermark that always chose alike after the same tokens would drive a text into a circle; it
    is written once after each context (as in SynthID-Text), and counted once.
    """
    found = np.zeros(len(contexts), bool)
    for k, (context, before) in enumerate(zip(contexts, seen, strict=True)):
        found[k] = (name := context.tobytes()) not in before
        before.add(name)
    return found


def page(text: str) -> NDArray[np.uint8]:
    """A picture of a text, for previews: uint8 [h, w, 3]."""
    lines = [part[k : k + 90] for part in text.split("\n") for k in range(0, len(part) or 1, 90)]
    image = Image.new("RGB", (560, 14 * len(lines) + 8), "white")
    for k, line in enumerate(lines):
        plain = line.encode("latin-1", "replace").decode("latin-1")
        ImageDraw.Draw(image).text((4, 4 + 14 * k), plain, "black")
    return np.asarray(image)


Kind = Literal["characters", "bytepairs"]
