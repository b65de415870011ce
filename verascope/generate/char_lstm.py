"""A recurrent language model of characters or byte pairs.

LSTM: Hochreiter and Schmidhuber 1997; as a generator: Graves 2013, arXiv 1308.0850.
"""

from typing import Annotated, Any, ClassVar

from msgspec import Meta
from torch import Tensor, nn

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.text_base import Kind, NextToken, TextConfig


class CharLstmConfig(TextConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the LSTM."""

    tokens: Kind = "characters"
    vocabulary: Annotated[int, Meta(ge=10)] = 1000  # byte pairs
    embedding: Annotated[int, Meta(ge=1)] = 64
    hidden: Annotated[int, Meta(ge=1)] = 256
    window: Annotated[int, Meta(ge=2)] = 96  # tokens
    learning_rate: Annotated[float, Meta(gt=0)] = 3e-3


class CharLstm(NextToken):
    """See TextSampler."""

    name: ClassVar[str] = "char-lstm"
    family: ClassVar[str] = "rnn"
    config_type: ClassVar[type[Any]] = CharLstmConfig
    card: ClassVar[Card] = Card(
        summary="A recurrent language model of characters, or of byte pairs.",
        papers=("Hochreiter and Schmidhuber 1997", "Graves 2013, arXiv 1308.0850"),
        good_for="Texts like those of bots before Transformers.",
        traces="Words that do not exist, sentences without a subject.",
        limits="English-shaped gibberish after minutes on a CPU; nothing like an LLM.",
        cost="About 0.1 s of a core a step.",
    )

    @classmethod
    def tiny(cls) -> "CharLstm":
        """Hidden 16, short windows."""
        few = CharLstmConfig(embedding=8, hidden=16, window=16, batch=4, characters=40)
        return cls(few, pick("cpu"))

    def make(self, size: int) -> nn.Module:
        """See NextToken."""
        return Lstm(size, self.config.embedding, self.config.hidden)


class Lstm(nn.Module):
    """Tokens int64 [n, t] to logits [n, t, v]."""

    def __init__(self, size: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(size, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.head = nn.Linear(hidden, size)

    def forward(self, x: Tensor) -> Tensor:
        """Of whole windows."""
        logits: Tensor = self.head(self.lstm(self.embed(x))[0])
        return logits

    def begin(self, n: int) -> Any:
        """No state yet."""
        return None

    def next(self, token: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits [n, v] after one more token [n]."""
        out, state = self.lstm(self.embed(token[:, None]), state)
        return self.head(out[:, 0]), state
