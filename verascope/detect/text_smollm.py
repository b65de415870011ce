"""`text-smollm`, the accurate detector of machine-written English: a head on a language model.

Half of its logit is the head's, half that of `text-style`: they err on other texts.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect.contract import Array, Windows
from verascope.detect.encoder import installed
from verascope.detect.model_folder import TapsUse
from verascope.detect.text_encoder import TextEncoder
from verascope.detect.text_head import TextHead, loads
from verascope.detect.text_style import TextStyle
from verascope.detect.text_tables import TextTables
from verascope.detect.text_windows import MIN_DECIDED
from verascope.errors import ModelError, UsageError

SHIPPED = Path(__file__).parent / "models" / "text-smollm"
MOST_WINDOWS = 8  # of a long text, evenly spread: each costs the encoder a pass


class TextSmollm(TextStyle):
    """The model folder in the package, or another of `verascope train text-head`."""

    shipped = SHIPPED
    max_batch = 1

    def load(self) -> None:
        """Load the encoder, the head and the tables now."""
        _ = self.head
        self.style.load()
        self.encoder.load()

    def windows(self, media: Array) -> Windows:
        """Those of `text-style`, at most MOST_WINDOWS."""
        cut = super().windows(media)
        if len(cut.values) <= MOST_WINDOWS:
            return cut
        kept = np.linspace(0, len(cut.values) - 1, MOST_WINDOWS).round().astype(int)
        return Windows(cut.values[kept], cut.places[kept])

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """Logits of texts, float32 [n], each by itself."""
        lengths = np.array([len(text) for text in texts], np.int64)
        vectors = self.encoder.vectors(texts)[:, self._columns]
        logits = self.head(vectors, self.style.logits(texts).astype(float), lengths)
        short = lengths < MIN_DECIDED
        return np.where(short, np.minimum(logits, self.head.ceiling), logits).astype(np.float32)

    def sentence_logits(self, texts: list[str]) -> NDArray[np.float32]:
        """Of sentences by themselves: the tables'; the encoder would need a pass for each."""
        return self.style.logits(texts)

    @property
    def reasoned(self) -> TextTables:
        """Those of `text-style`: what an encoder goes by has no words."""
        return self.style.tables

    def find(self) -> bool:
        """Whether the encoder is there, in a build that the head accepts."""
        return self._folder is not None

    def missing(self) -> UsageError:
        """What has to be installed first, in words."""
        build = next(iter(self._use.builds))
        return UsageError(
            f"{self.name} stands on an encoder that is not installed, or in another build: "
            f"verascope models install {self._use.name} --build {build}"
        )

    @property
    def encoder_sha256(self) -> str:
        """Of the build of the encoder that runs here."""
        return self.encoder.description.sha256

    @cached_property
    def encoder(self) -> TextEncoder:
        """The encoder."""
        if self._folder is None:
            raise self.missing()
        return TextEncoder(self._folder, providers=self._providers, threads=self._threads)

    @cached_property
    def head(self) -> TextHead:
        """The trained head."""
        return loads(self.folder.tables())

    @cached_property
    def style(self) -> TextStyle:
        """The detector that has the other half.

        Raises:
            ModelError: the one in this package is another than the head was fitted beside.
        """
        style = TextStyle()
        wanted = self.folder.description.beside.get(style.name)
        if wanted != style.sha256:
            raise ModelError(
                f"{self.folder.path} was fitted beside another {style.name} than this package has; "
                "train it again: verascope train text-head"
            )
        return style

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        places = np.arange(sum(self.encoder.description.widths))
        return np.concatenate([places[self.encoder.slices[tap]] for tap in self._use.taps])

    @property
    def _use(self) -> TapsUse:
        uses = self.folder.description.encoders
        if len(uses) != 1:
            raise ModelError(f"{self.folder.path}: its model.json names no encoder of text")
        return uses[0]

    @cached_property
    def _folder(self) -> Path | None:
        """Where a build lies that the head accepts."""
        for build, sha256 in self._use.builds.items():
            folder = installed(self._use.name, build)
            try:
                if TextEncoder(folder).description.sha256 == sha256:
                    return folder
            except (ModelError, UsageError):
                continue
        return None
