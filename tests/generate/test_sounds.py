from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from verascope.errors import InputTrouble, UsageError
from verascope.generate import manifest
from verascope.generate.device import pick
from verascope.generate.files import Listed
from verascope.generate.manifest import Row
from verascope.generate.sound_base import (
    as_wave,
    from_samples,
    match_level,
    spectrogram,
    to_samples,
)
from verascope.generate.sounds import (
    RATE,
    Clips,
    cut_origin,
    decode,
    example_sounds,
    open_sounds,
)


def save(file: Path, k: int = 0, rate: int = RATE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, example_sounds(n=k + 1)[k].media, rate)


def test_a_plain_folder_holds_its_recordings_and_nothing_else(tmp_path: Path) -> None:
    for k in range(2):
        save(tmp_path / f"{k}.wav", k)
    (tmp_path / "notes.txt").write_text("no recording")
    data = open_sounds(tmp_path)
    assert len(data) == 2
    np.testing.assert_array_equal(data[1].media, example_sounds(n=2)[1].media)
    assert data[0].media.dtype == np.int16
    assert len(data.at([1])) == 1
    with pytest.raises(UsageError, match="no real recordings"):
        (tmp_path / "empty").mkdir()
        open_sounds(tmp_path / "empty")


def test_of_a_corpus_only_real_train_recordings_are_taken(tmp_path: Path) -> None:
    rows = []
    for k, (name, label, split) in enumerate(
        [
            ("a.flac", "real", "train"),
            ("b.flac", "synthetic", "train"),
            ("c.flac", "real", "dev"),
            ("d.png", "real", "train"),
        ]
    ):
        if name != "d.png":
            save(tmp_path / name, k)
        rows.append(Row(path=name, label=label, source=f"s{k}", split=split, licence="CC0"))
    manifest.write(tmp_path / "manifest.csv", rows)
    assert [item.source for item in open_sounds(tmp_path)] == ["s0"]


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (22_050, 2), (44_100, 1), (48_000, 6)])
def test_every_rate_and_channel_count_becomes_mono_at_16_khz(
    rate: int, channels: int, tmp_path: Path
) -> None:
    t = np.arange(rate) / rate
    tone = 0.4 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(tmp_path / "a.wav", np.repeat(tone[:, None], channels, 1), rate)
    media = decode(tmp_path / "a.wav")
    assert abs(len(media) - RATE) <= 1
    spectrum = np.abs(np.fft.rfft(media[:RATE] * np.hanning(len(media[:RATE]))))
    assert abs(int(spectrum.argmax()) * RATE / len(media[:RATE]) - 440) < 1.5
    assert media.std() == pytest.approx(0.4 / 2**0.5 * 32768, rel=0.02)


def test_what_is_no_recording_is_an_inputs_trouble(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not a recording at all")
    with pytest.raises(InputTrouble):
        decode(tmp_path / "a.wav")
    with pytest.raises(InputTrouble):
        decode(tmp_path / "missing.wav")


def test_clips_go_on_from_a_saved_state_and_pass_over_what_is_short_or_silent() -> None:
    items = example_sounds(0.5, n=3)
    short = example_sounds(0.1, n=1)
    silent = [type(items[0])(media=np.zeros(RATE, np.int16))]
    clips = Clips(Listed([*items, *short, *silent]), 4_000, seed=1)
    first = clips.batch(4)
    state = clips.rng.bit_generator.state
    second = clips.batch(4)
    clips.rng.bit_generator.state = state
    np.testing.assert_array_equal(clips.batch(4), second)
    assert first.shape == (4, 4_000)
    assert first.dtype == np.int16
    assert np.abs(first).max(1).min() > 0
    with pytest.raises(UsageError, match="not silent"):
        Clips(Listed(silent), 4_000, seed=1).batch(1)


def test_drawn_sounds_are_alike_every_time_differ_and_are_voiced() -> None:
    sounds = example_sounds(1.2, n=4)
    for sound, again in zip(sounds, example_sounds(1.2, n=4), strict=True):
        np.testing.assert_array_equal(sound.media, again.media)
        assert len(sound.media) == round(1.2 * RATE)
        frames = sound.media[: RATE // 100 * 100].reshape(-1, 400).astype(float).std(1)
        assert frames.max() > 30 * np.median(np.sort(frames)[:3])  # syllables and pauses
        wave = sound.media.astype(float)
        echo = np.correlate(wave[:4_000], wave[:4_000], "full")[4_000:]
        assert echo[60:200].max() > 0.3 * np.dot(wave[:4_000], wave[:4_000])  # a pitch
    assert not np.array_equal(sounds[0].media, sounds[1].media)


def test_tensors_and_levels_come_back() -> None:
    media = example_sounds(n=1)[0].media
    wave = as_wave(media, pick("cpu"))
    assert wave.shape == (1, 1, len(media))
    np.testing.assert_array_equal(to_samples(wave), media)
    np.testing.assert_array_equal(from_samples(torch.from_numpy(media[None])), wave)
    quiet = to_samples(wave * 0.1, like=media)
    assert quiet.astype(float).std() == pytest.approx(media.astype(float).std(), rel=0.01)
    peaky = np.zeros(1000)
    peaky[10] = 0.5
    loud = match_level(peaky, np.full(1000, 30_000, np.int16))
    assert np.abs(loud).max() < 1
    assert match_level(np.zeros(5), media).tolist() == [0] * 5


def test_a_spectrogram_shows_a_tone_where_it_is() -> None:
    tone = (8_000 * np.sin(2 * np.pi * 2_000 * np.arange(RATE) / RATE)).astype(np.int16)
    picture = spectrogram(tone)
    assert picture.dtype == np.uint8
    assert picture.shape[0] == 128
    assert int(picture[:, 100, 0].argmax()) == pytest.approx(128 * 0.75, abs=2)


def test_a_windows_origin_names_its_seconds() -> None:
    assert cut_origin("a/b.wav", 8_000, 24_000) == "a/b.wav#t=0.500,1.500"
    assert cut_origin("a/b.wav#t=1,2", 0, 160) == "a/b.wav#t=1,2;then-t=0.000,0.010"
