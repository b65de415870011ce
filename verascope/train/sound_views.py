"""How a recording is shown to a detector, in training and when figures are taken; to both classes.

As it is at 16 kHz, or after one trip: what messengers (Opus), phones' recorders (AAC), podcasts
(MP3) and telephones leave of it.
"""

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from verascope.generate.codecs import Trip, travel

HEADLINE = "raw"
VIEWS: dict[str, Trip | None] = {
    HEADLINE: None,
    "opus": Trip(codec="opus", kbit=32, thorough=True),
    "aac": Trip(codec="aac", kbit=64, thorough=True),
    "mp3": Trip(codec="mp3", kbit=96, thorough=True),
    "telephone": Trip(codec="telephone"),
}
DESCRIPTIONS = {
    HEADLINE: "mono, 16 kHz",
    "opus": "then Opus, 32 kbit/s",
    "aac": "then AAC, 64 kbit/s",
    "mp3": "then MP3, 96 kbit/s",
    "telephone": "then 8 kHz, 300 to 3400 Hz, µ-law",
}


def show(samples: NDArray[np.int16], view: str) -> NDArray[np.int16]:
    """A recording under a view: int16 [n] to int16 [n], in step with it."""
    trip = VIEWS[view]
    return samples if trip is None else travel(samples, trip)


@cache
def made_of(view: str) -> str:
    """What a view makes of a drawn sound, as a hash: another library or code, another hash."""
    rng = np.random.default_rng(0)
    drawn = (3000 * np.sin(np.arange(16_000) / 5) + 300 * rng.standard_normal(16_000)).astype(
        np.int16
    )
    return hashlib.sha256(show(drawn, view).tobytes()).hexdigest()[:16]
