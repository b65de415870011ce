import time

import numpy as np
import pytest

from verascope.errors import UsageError
from verascope.generate.codecs import CODECS, GSM, Trip, draw, round_trip, travel
from verascope.generate.contract import Array, item_rng
from verascope.generate.sounds import RATE, example_sounds

TRIPS = [
    *(Trip(codec="opus", kbit=k) for k in (6, 12, 24, 64)),
    *(Trip(codec="mp3", kbit=k) for k in (32, 64, 128)),
    *(Trip(codec="aac", kbit=k) for k in (32, 64, 96)),
    *(Trip(codec=c, kbit=32, thorough=True) for c in ("opus", "mp3", "aac")),
    Trip(codec="telephone"),
    Trip(codec="telephone", gsm=True),
]


def lag(a: Array, b: Array) -> int:
    """By how many samples b comes later than a."""
    size = 2 * len(a)
    product = np.conj(np.fft.rfft(a.astype(float), size)) * np.fft.rfft(b.astype(float), size)
    shift = int(np.fft.irfft(product).argmax())
    return shift if shift < len(a) else shift - size


@pytest.mark.parametrize("trip", TRIPS, ids=str)
def test_what_comes_back_is_as_long_and_in_step(trip: Trip) -> None:
    for item in example_sounds(1.7, n=2):
        made = travel(item.media, trip)
        assert made.dtype == np.int16
        assert made.shape == item.media.shape
        assert abs(lag(item.media, made)) <= 2
        assert np.corrcoef(item.media, made)[0, 1] > (0.5 if trip.codec == "telephone" else 0.8)
        assert not np.array_equal(made, item.media)
        start, end = RATE // 2, RATE  # the same in the middle as at the start and the end
        assert abs(lag(item.media[start:end], made[start:end])) <= 2


def test_a_telephone_leaves_its_band_alone() -> None:
    noise = np.random.default_rng(0).normal(0, 3_000, 2 * RATE).astype(np.int16)
    for gsm in (False, True):
        power = np.abs(np.fft.rfft(travel(noise, Trip(codec="telephone", gsm=gsm)))) ** 2
        inside = power[1_000:6_000].mean()
        assert power[:300].mean() < 0.1 * inside  # what is left is the coder's own noise
        assert power[8_200:].mean() < 1e-3 * inside


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("n", [0, 1, 317, 4_801])
def test_odd_and_tiny_lengths_and_silence_come_back(codec: str, n: int) -> None:
    for media in (np.zeros(n, np.int16), np.full(n, -32_768, np.int16)):
        made = round_trip(media, codec, item_rng(0, n))
        assert made.shape == (n,)
        assert made.dtype == np.int16


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_draw_makes_the_same_bytes_and_another_one_others(codec: str) -> None:
    media = example_sounds(n=1)[0].media
    first, again = (round_trip(media, codec, item_rng(3, 1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    others = [round_trip(media, codec, item_rng(3, k)) for k in range(2, 12)]
    assert any(not np.array_equal(first, other) for other in others)


def test_draws_stay_in_the_ranges() -> None:
    rng = np.random.default_rng(0)
    drawn = {codec: [draw(codec, rng) for _ in range(300)] for codec in CODECS}
    for codec, low, high in (("opus", 6, 64), ("mp3", 32, 128), ("aac", 32, 96)):
        rates = [trip.kbit for trip in drawn[codec]]  # type: ignore[index]
        assert low <= min(rates) < 1.2 * low
        assert 0.9 * high < max(rates) <= high
    assert np.mean([trip.gsm for trip in drawn["telephone"]]) == pytest.approx(GSM, abs=0.08)
    with pytest.raises(UsageError, match="no codec is called 'wax'"):
        draw("wax", rng)


def test_a_lower_rate_costs_more_of_the_sound() -> None:
    media = example_sounds(n=1)[0].media.astype(float)
    for codec, low, high in (("opus", 6, 64), ("mp3", 32, 128), ("aac", 32, 96)):
        errors = [
            np.square(travel(media.astype(np.int16), Trip(codec=codec, kbit=kbit)) - media).mean()  # type: ignore[arg-type]
            for kbit in (low, high)
        ]
        assert errors[0] > 1.5 * errors[1]


@pytest.mark.parametrize("codec", CODECS)
def test_two_seconds_take_milliseconds(codec: str) -> None:
    """It is called tens of thousands of times; the limit is five times what the slowest took."""
    media = example_sounds(2.0, n=1)[0].media
    taken = []
    for k in range(5):
        start = time.process_time()
        round_trip(media, codec, item_rng(0, k))
        taken.append(time.process_time() - start)
    assert min(taken) < 0.06
