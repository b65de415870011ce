"""Griffin-Lim, WORLD, LPC and splices beyond the contract: what comes out is what went in."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from verascope.errors import InputTrouble, MissingExtraError
from verascope.generate import world
from verascope.generate.contract import Array, Item
from verascope.generate.fixed import Fixed
from verascope.generate.griffin_lim import GriffinLim, GriffinLimConfig
from verascope.generate.lpc import Lpc, predictors
from verascope.generate.manifest import read_spans, spans_text
from verascope.generate.mel import hz_from_mel, log_mel, mel_filters, mel_from_hz
from verascope.generate.sounds import RATE, example_sounds
from verascope.generate.splice import Splice, SpliceConfig
from verascope.generate.world import World, WorldConfig

VOCODERS = (GriffinLim, World, Lpc)


def twin(generator: Fixed, item: Item, key: int = 0) -> Array:
    return next(iter(generator.transform([replace(item, key=key)], seed=0))).media


def envelope(media: Array) -> NDArray[np.float64]:
    frames = media[: len(media) // 160 * 160].reshape(-1, 160).astype(float)
    return np.asarray(np.sqrt((frames**2).mean(1)))


@pytest.mark.parametrize("kind", VOCODERS)
def test_a_twin_has_its_originals_level_timing_and_sound(kind: type[Fixed]) -> None:
    for key, item in enumerate(example_sounds(n=3)):
        made = twin(kind(), item, key)
        assert made.astype(float).std() == pytest.approx(item.media.astype(float).std(), rel=0.15)
        a, b = envelope(item.media), envelope(made)
        alike = [np.corrcoef(a[10:-10], np.roll(b, lag)[10:-10])[0, 1] for lag in range(-8, 9)]
        assert abs(int(np.argmax(alike)) - 8) <= 1  # 10 ms
        assert max(alike) > 0.75
        other = example_sounds(n=8)[7 - key].media
        near, far = (np.abs(log_mel(made) - log_mel(x)).mean() for x in (item.media, other))
        assert near < 0.6 * far
        assert not np.array_equal(made, item.media)


@pytest.mark.parametrize("kind", VOCODERS)
@pytest.mark.parametrize("media", [np.zeros(9_000, np.int16), np.full(5_001, -32_768, np.int16)])
def test_silence_and_the_loudest_there_is_keep_their_length(
    kind: type[Fixed], media: Array
) -> None:
    made = twin(kind(), Item(media=media))
    assert made.shape == media.shape
    assert made.dtype == np.int16


def test_more_rounds_fit_the_magnitude_better() -> None:
    item = example_sounds(n=1)[0]

    def off(rounds: int) -> float:
        config = GriffinLimConfig(
            sizes=(512,), hops=(171,), mels=(0,), rounds=(rounds, rounds), momentum=(0.9, 0.9)
        )
        return float(np.abs(log_mel(twin(GriffinLim(config), item)) - log_mel(item.media)).mean())

    assert off(30) < 0.7 * off(0)


def test_worlds_voice_moves_up_where_it_is_told_to() -> None:
    item = example_sounds(n=1)[0]
    plain, higher = (
        World(WorldConfig(dims=(0,), pitch=("dio",), frame_ms=(5.0,), pitch_semitones=(s, s)))
        for s in (0.0, 7.0)
    )

    def pitch(media: Array) -> float:
        pyworld = world.library()
        f0, _ = pyworld.dio(media / 32_768, RATE)
        return float(np.median(f0[f0 > 0]))

    ratio = pitch(twin(higher, item)) / pitch(twin(plain, item))
    assert ratio == pytest.approx(2 ** (7 / 12), rel=0.03)


@pytest.mark.parametrize("share", [-0.2, 0.15])
def test_a_warp_moves_formants_by_its_share(share: float) -> None:
    bins = np.arange(513)
    envelope = np.exp(-(((bins - 200) / 30.0) ** 2))[None] + 1e-6
    assert int(world.warped(envelope, share)[0].argmax()) == pytest.approx(200 * (1 + share), abs=1)
    item = example_sounds(n=1)[0]
    plain, moved = (World(WorldConfig(dims=(0,), warp=(w, w))) for w in (0.0, share))
    assert not np.array_equal(twin(plain, item), twin(moved, item))


def test_without_pyworld_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world.library.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pyworld.*train"):
        twin(World(), example_sounds(n=1)[0])
    monkeypatch.undo()
    world.library.cache_clear()
    assert "pkg_resources" not in sys.modules or world.library() is not None


def test_a_predictor_finds_the_filter_that_made_a_frame() -> None:
    rng = np.random.default_rng(0)
    wave = np.zeros(40_000)
    for k in range(2, len(wave)):
        wave[k] = 1.3 * wave[k - 1] - 0.8 * wave[k - 2] + rng.normal()
    lags = np.array([[np.dot(wave[: len(wave) - k], wave[k:]) for k in range(4)]])
    filters, gains = predictors(lags, 2)
    assert filters[0] == pytest.approx([1, -1.3, 0.8], abs=0.02)
    assert gains[0] == pytest.approx(np.sqrt(len(wave)), rel=0.02)


def test_mel_filters_cover_the_band_and_the_scale_comes_back() -> None:
    hz = np.linspace(10, 8_000, 50)
    assert hz_from_mel(mel_from_hz(hz)) == pytest.approx(hz)
    filters = mel_filters(40, 1024)
    assert filters.shape == (40, 513)
    assert (filters.sum(0)[4:500] > 0).all()


def test_mel_filters_are_those_of_librosa() -> None:
    from librosa.filters import mel

    mine = mel_filters(80, 1024, 0.0, 8_000.0)
    assert mine == pytest.approx(mel(sr=RATE, n_fft=1024, n_mels=80, fmin=0, fmax=8_000), abs=1e-6)


@pytest.mark.parametrize("maker", ["griffin-lim", "world", "lpc"])
def test_a_splice_changes_its_span_and_nothing_else(maker: str) -> None:
    splice = Splice(SpliceConfig(makers=(maker,)))  # type: ignore[arg-type]
    for key, item in enumerate(example_sounds(2.5, n=3)):
        [made] = splice.transform([replace(item, key=key)], seed=1)
        [(start, end)] = made.spans
        assert 0.3 <= end - start <= 1.25
        assert made.kind == "spliced"
        inside = np.zeros(len(item.media), bool)
        inside[round(start * RATE) : round(end * RATE)] = True
        np.testing.assert_array_equal(made.media[~inside], item.media[~inside])
        assert (made.media[inside] != item.media[inside]).mean() > 0.5
        a, b = (x[inside].astype(float).std() for x in (made.media, item.media))
        assert a == pytest.approx(b, rel=0.25)
        [read] = read_spans(spans_text(made.spans))
        assert read == pytest.approx((start, end), abs=6e-4)


def test_what_is_too_short_or_silent_is_not_spliced() -> None:
    for media in (example_sounds(0.5, n=1)[0].media, np.zeros(3 * RATE, np.int16)):
        with pytest.raises(InputTrouble):
            twin(Splice(), Item(media=media))
