"""Partial splices: a span of a real recording replaced by a vocoder's version of that very span.

As in PartialSpoof (Zhang, Wang, Cooper and Yamagishi 2021, arXiv 2104.02518): a short lie in a
true recording is what clip-wide scores miss. Level, words and timing stay as they were.
"""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta

from verascope.errors import InputTrouble
from verascope.generate.activity import window
from verascope.generate.contract import Array, Card, Config, Item
from verascope.generate.device import pick
from verascope.generate.fixed import Fixed, between
from verascope.generate.griffin_lim import GriffinLim
from verascope.generate.lpc import Lpc
from verascope.generate.sound_base import match_level
from verascope.generate.sounds import FULL, RATE, quantised
from verascope.generate.world import World
from verascope.result import Reason

Maker = Literal["griffin-lim", "world", "lpc"]
MAKERS: dict[Maker, type[Fixed]] = {"griffin-lim": GriffinLim, "world": World, "lpc": Lpc}
CONTEXT = RATE // 2  # samples on either side of a span that its maker sees
Seconds = Annotated[float, Meta(gt=0)]


class SpliceConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is drawn for each item."""

    makers: tuple[Maker, ...] = ("griffin-lim", "world")
    span_s: tuple[Seconds, Seconds] = (0.3, 1.5)
    # At most this share of the recording is replaced: what is real must be there to compare with.
    most: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    fade_ms: Annotated[float, Meta(gt=0, le=50)] = 10.0


class Splice(Fixed):
    """Recordings of which one span is made, of any length from 0.6 s on."""

    name: ClassVar[str] = "splice"
    family: ClassVar[str] = "splice"
    config_type: ClassVar[type[SpliceConfig]] = SpliceConfig
    card: ClassVar[Card] = Card(
        summary="A real recording with one span replaced by a vocoder's version of it.",
        papers=("Zhang, Wang, Cooper and Yamagishi 2021, arXiv 2104.02518 (PartialSpoof)",),
        good_for="Tests and training of segment scores: the manifest says which seconds are made.",
        traces="Those of the vocoder, inside the span alone.",
        limits="A clip-wide label is nearly wrong for it (kind `spliced`, outside the headline)."
        " The words are the original's; a real forgery changes them.",
        cost="No training.",
    )

    config: SpliceConfig

    @classmethod
    def tiny(cls) -> "Splice":
        """Short spans by the quickest maker."""
        return cls(SpliceConfig(makers=("lpc",), span_s=(0.3, 0.4)), pick("cpu"))

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item with one span made; the rest keeps every sample.

        Raises:
            InputTrouble: it is too short, or too much of it is silent.
        """
        longest = self.config.most * len(item.media) / RATE
        if longest < self.config.span_s[0]:
            raise InputTrouble(Reason.TOO_SHORT)
        seconds = min(between(rng, self.config.span_s), longest)
        start, end = window(item.media, round(seconds * RATE), rng)
        maker = MAKERS[self.config.makers[int(rng.integers(len(self.config.makers)))]]
        low, high = max(0, start - CONTEXT), min(len(item.media), end + CONTEXT)
        near = replace(item, media=item.media[low:high])
        made = maker(device=self.device).counterpart(near, rng).media[start - low : end - low]
        media = spliced(item.media, made, start, self.config.fade_ms)
        return replace(item, media=media, kind="spliced", spans=((start / RATE, end / RATE),))


def spliced(media: Array, made: Array, start: int, fade_ms: float) -> Array:
    """int16 [n] with made samples put in from `start` on, at the level that was there.

    Fades lie inside the span, so that all outside it is untouched.
    """
    end = start + len(made)
    own = media[start:end] / FULL
    other = match_level(made / FULL, media[start:end])
    fade = min(round(fade_ms * RATE / 1000), len(own) // 2)
    share = np.ones(len(own))
    share[:fade] = np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    share[len(own) - fade :] = share[:fade][::-1]
    whole = media.copy()
    whole[start:end] = quantised(own + share * (other - own))
    return whole
