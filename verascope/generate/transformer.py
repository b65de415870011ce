"""A small GPT: causal attention over characters or byte pairs, learned places.

Vaswani et al. 2017 (arXiv 1706.03762); Radford et al. 2018, with norms before each block.
"""

from typing import Annotated, Any, ClassVar

import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from verascope.generate.contract import Card
from verascope.generate.device import pick
from verascope.generate.text_base import Kind, NextToken, TextConfig


class TransformerConfig(TextConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the Transformer."""

    tokens: Kind = "bytepairs"
    vocabulary: Annotated[int, Meta(ge=10)] = 1000  # byte pairs
    window: Annotated[int, Meta(ge=4)] = 64  # tokens
    width: Annotated[int, Meta(ge=4)] = 128
    heads: Annotated[int, Meta(ge=1)] = 4
    depth: Annotated[int, Meta(ge=1)] = 3
    learning_rate: Annotated[float, Meta(gt=0)] = 2e-3


class Transformer(NextToken):
    """See TextSampler."""

    name: ClassVar[str] = "transformer"
    family: ClassVar[str] = "transformer"
    config_type: ClassVar[type[Any]] = TransformerConfig
    card: ClassVar[Card] = Card(
        summary="A small GPT: a causal Transformer over byte pairs or characters.",
        papers=("Vaswani 2017, arXiv 1706.03762", "Radford 2018"),
        good_for="The architecture of LLMs at a size that trains here; for teaching.",
        traces="Real words in an order that means nothing.",
        limits="After minutes on a CPU it knows words and little grammar; nothing like an LLM.",
        cost="About 0.2 s of a core a step.",
    )

    @classmethod
    def tiny(cls) -> "Transformer":
        """Width 16, one block."""
        few = TransformerConfig(
            width=16, heads=2, depth=1, window=8, batch=4, vocabulary=60, characters=40
        )
        return cls(few, pick("cpu"))

    def make(self, size: int) -> nn.Module:
        """See NextToken."""
        c = self.config
        return Gpt(size, c.window, c.width, c.heads, c.depth)


class Gpt(nn.Module):
    """Tokens int64 [n, t], t at most the window, to logits [n, t, v]."""

    def __init__(self, size: int, window: int, width: int, heads: int, depth: int) -> None:
        super().__init__()
        self.window = window
        self.embed = nn.Embedding(size, width)
        self.place = nn.Parameter(torch.randn(window, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """The embedding's weights are the head's, too."""
        h = self.embed(x) + self.place[: x.shape[1]]
        for block in self.blocks:
            h = block(h)
        logits: Tensor = self.norm(h) @ self.embed.weight.T
        return logits

    def begin(self, n: int) -> Any:
        """No tokens yet."""
        return None

    def next(self, token: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits [n, v] after one more token [n]; the latest window is what it sees."""
        x = token[:, None] if state is None else torch.cat([state, token[:, None]], 1)
        x = x[:, -self.window :]
        return self(x)[:, -1], x


class Block(nn.Module):
    """Attention and a network of two layers, each added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.norm, self.qkv = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.inner = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, t, width] to the same."""
        n, t, width = x.shape
        parts = self.qkv(self.norm(x)).view(n, t, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(n, t, width))
        added: Tensor = self.inner(x)
        return x + added
