"""Linear prediction: a voice as an all-pole filter that pulses or noise run through.

Atal and Hanauer 1971 (JASA 50(2B)), with the two-way excitation of LPC-10 (Tremain 1982): buzz
where a frame has a pitch, hiss where it has none. It sounds like a robot.
"""

from dataclasses import replace
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from verascope.generate.contract import Array, Card, Config, Item
from verascope.generate.device import pick
from verascope.generate.fixed import Fixed, one_of
from verascope.generate.sound_base import match_level
from verascope.generate.sounds import FULL, RATE, quantised

Floats = NDArray[np.float64]
PITCH_HZ = (60.0, 400.0)
WHITE = 1e-5  # of a frame's energy, added so that the filter is always stable and defined


class LpcConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is drawn for each item; a tuple of one pins it."""

    orders: tuple[Annotated[int, Meta(ge=2, le=64)], ...] = (10, 14, 18, 24)
    frames_ms: tuple[Annotated[int, Meta(ge=8, le=60)], ...] = (20, 25, 30, 40)  # half apart
    # Normalised autocorrelation, percent, above which a frame is voiced.
    voiced: tuple[Annotated[int, Meta(ge=0, le=100)], ...] = (35, 45, 55)


class Draw(NamedTuple):
    """What an item is made with."""

    order: int
    frame: int  # samples, even
    voiced: float


class Lpc(Fixed):
    """Copy-synthesis of voices."""

    name: ClassVar[str] = "lpc"
    family: ClassVar[str] = "vocoder"
    config_type: ClassVar[type[LpcConfig]] = LpcConfig
    card: ClassVar[Card] = Card(
        summary="A voice through a linear predictor, driven by pulses and noise.",
        papers=("Atal and Hanauer 1971, JASA 50(2B)", "Tremain 1982, Speech Technology 1(2)"),
        good_for="A robotic family far from the neural ones, for mixtures and tests of attribution;"
        " no training, numpy only.",
        traces="Buzz: all harmonics in phase; hard switches between buzz and hiss.",
        limits="Nobody takes it for a person: never train on it alone.",
        cost="No training.",
    )

    config: LpcConfig

    @classmethod
    def tiny(cls) -> "Lpc":
        """One setting."""
        return cls(LpcConfig(orders=(10,), frames_ms=(20,), voiced=(45,)), pick("cpu"))

    def counterpart(self, item: Item, rng: np.random.Generator) -> Item:
        """The item's twin, at its level."""
        config = self.config
        draw = Draw(
            order=one_of(rng, config.orders),
            frame=one_of(rng, config.frames_ms) * RATE // 2000 * 2,
            voiced=one_of(rng, config.voiced) / 100,
        )
        made = resynthesised(item.media, draw, rng)
        return replace(item, media=quantised(match_level(made, item.media)))


def resynthesised(media: Array, draw: Draw, rng: np.random.Generator) -> Floats:
    """What the predictor makes of int16 [n]: floats [n]."""
    frames = _frames(media / FULL, draw.frame)
    correlations = _autocorrelations(frames)
    filters, gains = predictors(correlations, draw.order)
    periods = pitch_periods(correlations, draw.voiced)
    hop = draw.frame // 2
    source = excitation(periods, hop, rng)
    return _filtered(_frames(source, draw.frame)[: len(frames)], filters, gains, hop)[: len(media)]


def predictors(correlations: Floats, order: int) -> tuple[Floats, Floats]:
    """The filters A(z) = 1 − Σ a_k z^−k of some frames, and the root mean square they leave over.

    The autocorrelation method: R a = r, R Toeplitz; Σ r_0 − a·r is the residual's energy.

    Args:
        correlations: float64 [frames, lags].
        order: k's largest.

    Returns:
        float64 [frames, order + 1] and [frames].
    """
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    energy = correlations[:, 0] * (1 + WHITE) + 1e-12
    toeplitz = correlations[:, lags]
    toeplitz[:, np.arange(order), np.arange(order)] = energy[:, None]
    right = correlations[:, 1 : order + 1]
    a = np.linalg.solve(toeplitz, right[:, :, None])[:, :, 0]
    left = np.maximum(energy - (a * right).sum(1), 0)
    return np.concatenate([np.ones((len(a), 1)), -a], 1), np.sqrt(left)


def pitch_periods(correlations: Floats, voiced: float) -> NDArray[np.int64]:
    """Each frame's period in samples; 0 where none is clear."""
    low, high = (round(RATE / hz) for hz in PITCH_HZ[::-1])
    high = min(high, correlations.shape[1] - 1)
    found = correlations[:, low:high]
    best = found.argmax(1)
    clear = found[np.arange(len(found)), best] > voiced * correlations[:, 0] + 1e-9
    return np.where(clear, best + low, 0)


def excitation(periods: NDArray[np.int64], hop: int, rng: np.random.Generator) -> Floats:
    """Pulses where a frame has a period, noise elsewhere; unit power, `hop` samples a frame."""
    source = rng.normal(0, 1, len(periods) * hop)
    due = 0.0
    for k, period in enumerate(periods):
        if period == 0:
            due = 0.0
            continue
        start, end = k * hop, (k + 1) * hop
        source[start:end] = 0
        due = max(due, float(start))
        while due < end:
            source[int(due)] = np.sqrt(period)
            due += period
    return source


def _filtered(source: Floats, filters: Floats, gains: Floats, hop: int) -> Floats:
    """Each frame of the source through its own all-pole filter, overlapped and added."""
    size = source.shape[1]
    long = 4 * size  # room for the filter to ring out
    response = np.fft.rfft(filters, long, axis=1)
    # y = g · x / A(z)
    spectra = np.fft.rfft(source, long, axis=1) / response
    rung = np.fft.irfft(spectra, long, axis=1) * (gains / np.sqrt(size))[:, None]
    made = np.zeros((len(source) - 1) * hop + long)
    for k, frame in enumerate(rung):
        made[k * hop : k * hop + long] += frame
    return made[hop:]


def _frames(wave: Floats, size: int) -> Floats:
    """Hann frames half a size apart that add up to the wave, the first around sample 0."""
    hop = size // 2
    count = -(-len(wave) // hop) + 1
    padded = np.pad(wave, (hop, count * hop + hop - len(wave)))
    window = np.hanning(size + 1)[:-1]
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count] * window


def _autocorrelations(frames: Floats) -> Floats:
    """Float64 [frames, size / 2 + 1 lags]."""
    size = frames.shape[1]
    power = np.abs(np.fft.rfft(frames, 2 * size, axis=1)) ** 2
    return np.asarray(np.fft.irfft(power, axis=1)[:, : size // 2 + 1])
