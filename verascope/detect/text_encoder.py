"""A frozen encoder of text: texts to one vector each, made of several taps.

Built and kept as encoders of pictures are, with its tokenizer beside it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.detect.encoder import Described, OneVector, least_cosine, there
from verascope.detect.model_folder import checked
from verascope.errors import MissingExtraError

TOKENIZER = "tokenizer.json"


class TextEncoderDescription(Described, frozen=True, kw_only=True):
    """What encoder.json holds of an encoder of text.

    Attributes:
        tokenizer_sha256: of tokenizer.json, as the package tokenizers reads it.
        most_tokens: of a text, from its start; the graph takes int64 [n, t].
        widths: of each tap's vector: mean and deviation over the tokens.
    """

    tokenizer_sha256: str
    most_tokens: int
    widths: tuple[int, ...]


class TextEncoder(OneVector[TextEncoderDescription]):
    """An encoder of text. Texts go through one at a time, so no score depends on the batch."""

    schema = TextEncoderDescription
    kind = "text"
    given = "tokens"

    def load(self) -> None:
        """Load the graph and the tokenizer now rather than at the first text."""
        super().load()
        _ = self._tokenizer

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vector of each text, float32 [n, sum of widths]."""
        rows = [self._run(self.tokens(text)) for text in texts]
        return np.concatenate(rows) if rows else np.zeros((0, sum(self.description.widths)), "f4")

    def tokens(self, text: str) -> NDArray[np.int64]:
        """A text's tokens, int64 [t]; never none."""
        found = self._tokenizer.encode(text, add_special_tokens=False).ids
        return np.array(found[: self.description.most_tokens] or [0], np.int64)

    def _nearness(self, stored: Mapping[str, NDArray[Any]]) -> float:
        found, wanted = self._run(stored["tokens"]), stored["vectors"]
        return min(least_cosine(found[:, at], wanted[:, at]) for at in self.slices.values())

    @cached_property
    def _tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtraError("tokenizers", "text") from error
        data = checked(self.folder / TOKENIZER, self.description.tokenizer_sha256)
        return Tokenizer.from_str(data.decode())


def open_installed_text(name: str, build: str) -> TextEncoder:
    """An installed encoder of text, by name; its graph is not loaded yet.

    Raises:
        UsageError: no such build of it is installed, or it is one of another kind.
    """
    encoder = TextEncoder(there(name, build))
    _ = encoder.description
    return encoder
