"""Every sound format through a real encoder and back: length, level, rate, channels, width."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media.sounds import FORMATS, clicked, encoded, header_of, loudest_s, read, tone
from verascope.errors import InputTrouble
from verascope.media.sound import RATE_HZ
from verascope.result import Reason, Warn
from verascope.settings import Limits

LOSSLESS = ("wav", "rf64", "flac", "aiff", "au", "caf")
RATES_HZ = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000)
SHORT = Limits(max_judged_s=20)


def peak_hertz(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * RATE_HZ / len(samples)


@pytest.mark.parametrize("name", FORMATS)
def test_the_length_and_the_pitch_come_back(name: str) -> None:
    rate = 48_000 if name == "opus" else 44_100
    data = encoded(tone(2.5, rate), name, rate)

    header, sound = header_of(data), read(data)

    assert header.rate == rate
    assert header.duration_s == pytest.approx(2.5, abs=0.1)
    assert sound.duration_s == pytest.approx(2.5, abs=0.1)
    assert (sound.truncated, sound.warnings, header.complete) == (False, (), True)
    (part,) = sound.parts
    assert part.start_s == 0
    assert part.samples.dtype == np.int16
    assert peak_hertz(part.samples) == pytest.approx(440, abs=2)
    middle = part.samples[8_000:32_000] / 32_768
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("name", FORMATS)
def test_a_click_stays_where_it_is(name: str) -> None:
    rate = 48_000
    sound = read(encoded(clicked(3.0, 1.8, rate), name, rate))
    assert loudest_s(sound.parts[0].samples) == pytest.approx(1.8, abs=0.06)


@pytest.mark.parametrize("name", LOSSLESS)
def test_16_bits_at_16_khz_come_back_as_they_were(name: str) -> None:
    wave = np.random.default_rng(1).integers(-32768, 32768, 40_000, np.int16)
    np.testing.assert_array_equal(read(encoded(wave, name)).parts[0].samples, wave)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_any_rate(rate: int) -> None:
    sound = read(encoded(tone(2.0, rate), "wav", rate))
    assert len(sound.parts[0].samples) == pytest.approx(2 * RATE_HZ, abs=2)
    assert peak_hertz(sound.parts[0].samples) == pytest.approx(440, abs=1)


def test_what_16_khz_cannot_hold_is_filtered_away() -> None:
    """A tone of 11 kHz would come back as one of 5 kHz from a resampler without a filter."""
    wave = tone(2.0, 48_000, hertz=11_000)
    middle = read(encoded(wave, "wav", 48_000)).parts[0].samples[4_000:-4_000]
    assert np.abs(middle).max() < 0.05 * 32_768  # the noise that tone() adds


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
def test_any_width_of_sample(subtype: str) -> None:
    wave = tone(1.5)
    samples = read(encoded(wave, "wav", subtype=subtype)).parts[0].samples
    error = samples / 32_768 - wave
    assert np.abs(error).max() < (0.02 if subtype in ("PCM_U8", "ULAW", "ALAW") else 1e-4)


def test_channels_are_averaged() -> None:
    left = tone(1.5)
    six = np.stack([left, left, np.zeros_like(left), left, np.zeros_like(left), left], axis=1)
    data = encoded(six, "wav")
    assert header_of(data).channels == 6
    samples = read(data).parts[0].samples / 32_768
    np.testing.assert_allclose(samples, left * 4 / 6, atol=1e-4)


def test_over_full_scale_is_clipped() -> None:
    samples = read(encoded(4 * tone(1.5), "wav", subtype="FLOAT")).parts[0].samples
    assert (samples.max(), samples.min()) == (32_767, -32_768)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_what_is_no_number_is_corrupt(bad: float, subtype: str) -> None:
    wave = np.stack([tone(1.5), tone(1.5)], axis=1)
    wave[20_000, 1] = bad
    with pytest.raises(InputTrouble) as caught:
        read(encoded(wave, "wav", subtype=subtype))
    assert caught.value.reason is Reason.CORRUPT


def test_a_second_of_it_is_read_in_the_same_way_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(tone(3.0, 44_100), "flac", 44_100)
    whole = read(data).parts[0].samples
    monkeypatch.setattr("verascope.media.excerpts.BATCH", 1000)
    monkeypatch.setattr("verascope.media.sound_file.PIECE_SAMPLES", 777)
    pieces = read(data).parts[0].samples
    assert np.abs(whole.astype(int) - pieces).max() <= 1


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("at_s", [0.5, 31.2, 59.0])
def test_a_long_recording_gives_excerpts_at_their_places(name: str, at_s: float) -> None:
    """60 s, of which 20 are judged: two excerpts, from 0 and from 50 s on."""
    rate = 48_000 if name == "opus" else 44_100
    sound = read(encoded(clicked(60.0, at_s, rate), name, rate), SHORT)

    assert sound.duration_s == pytest.approx(60, abs=0.1)
    assert sound.warnings == (Warn.SAMPLED,)
    assert not sound.truncated
    first, last = sound.parts
    assert first.start_s == 0
    assert last.start_s == pytest.approx(50, abs=0.1)
    for part in sound.parts:
        assert len(part.samples) == pytest.approx(10 * RATE_HZ, abs=0.06 * RATE_HZ)
        inside = part.start_s <= at_s < part.start_s + 10
        assert (np.abs(part.samples).max() > 10_000) == inside
        if inside:
            found = part.start_s + loudest_s(part.samples)
            assert found == pytest.approx(at_s, abs=0.06)


def test_as_many_excerpts_as_the_limit_holds() -> None:
    sound = read(encoded(tone(100.0), "flac"), Limits(max_judged_s=45))
    starts = [part.start_s for part in sound.parts]
    np.testing.assert_allclose(starts, [0, 30, 60, 90])


def test_an_excerpt_holds_the_samples_of_its_place() -> None:
    wave = np.random.default_rng(1).integers(-9000, 9000, 60 * RATE_HZ, np.int16)
    sound = read(encoded(wave, "flac"), SHORT)
    np.testing.assert_array_equal(sound.parts[1].samples, wave[50 * RATE_HZ :])
