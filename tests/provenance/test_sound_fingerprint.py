"""A copy of a registered sound finds it: through codecs, cut and quieter; a stranger does not."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from verascope.provenance import chromaprint
from verascope.provenance.chromaprint import MISSING, RATE, ChromaprintError, words, words_of
from verascope.provenance.fingerprint import KINDS, Fingerprint, fingerprint, usable
from verascope.provenance.recovery import Found, register
from verascope.provenance.registry import Asset, Registry
from verascope.provenance.sequences import BITS, LEAST_WORDS, Sequences, _popcount
from verascope.result import Input, Modality, Outcome, Provenance

Samples = NDArray[np.int16]
MOST = KINDS[Modality.AUDIO].max_distance


@pytest.fixture
def library() -> None:
    try:
        chromaprint._library()
    except ChromaprintError as error:
        pytest.skip(str(error))


def voice(seed: int, seconds: float = 12.0) -> Samples:
    """Syllables of harmonics whose pitch and colour change, over a little noise."""
    chance = np.random.default_rng(seed)
    sound = np.zeros(0)
    while len(sound) < seconds * RATE:
        time = np.arange(int(chance.uniform(0.08, 0.35) * RATE)) / RATE
        pitch = chance.uniform(90, 300) * (1 + chance.uniform(-0.4, 0.4) * time)
        colour = chance.uniform(0, 1, 20) * (np.arange(1, 21) ** -0.5)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        tones = sum(each * np.sin(k * phase) for k, each in enumerate(colour, 1))
        sound = np.append(sound, tones * np.hanning(len(time)))
    sound = sound[: int(seconds * RATE)] + chance.normal(0, 0.01, int(seconds * RATE))
    return np.asarray(np.round(sound / abs(sound).max() * 20_000), np.int16)


def coded(samples: Samples, container: str, subtype: str, level: float) -> Samples:
    held = io.BytesIO()
    soundfile.write(held, samples, RATE, format=container, subtype=subtype, compression_level=level)
    held.seek(0)
    read, rate = soundfile.read(held, dtype="int16")
    assert rate == RATE
    return np.asarray(read, np.int16)


COPIES: dict[str, Callable[[Samples], Samples]] = {
    "opus": lambda sound: coded(sound, "OGG", "OPUS", 0.88),
    "mp3": lambda sound: coded(sound, "MP3", "MPEG_LAYER_III", 0.4),
    "quieter": lambda sound: (sound // 5).astype(np.int16),
    "excerpt": lambda sound: sound[2 * RATE + 777 : -2 * RATE],
    "longer": lambda sound: np.concatenate([voice(99, 3), sound, voice(98, 4)]),
}


@pytest.mark.usefixtures("library")
class TestChromaprint:
    def test_in_pieces_as_whole(self) -> None:
        sound = voice(1)
        pieces = np.split(sound, [7, 5000, 5001, 100_000])
        assert np.array_equal(words_of(iter(pieces)), words(sound))

    def test_as_its_own_program(self, tmp_path: Path) -> None:
        """fpcalc resamples by ffmpeg before the library does, so a few bits may differ."""
        program = shutil.which("fpcalc")
        if program is None:
            pytest.skip("fpcalc is not installed (Debian: libchromaprint-tools)")
        sound = voice(2)
        soundfile.write(tmp_path / "a.wav", sound, RATE)
        call = [program, "-raw", "-length", "0", str(tmp_path / "a.wav")]
        told = subprocess.run(call, capture_output=True, text=True).stdout  # 1.5.1 fails at the end
        theirs = np.array(told.split("FINGERPRINT=")[1].split(","), np.int64).astype(np.uint32)
        ours = words(sound)
        assert len(ours) == len(theirs)
        assert _popcount(ours ^ theirs) <= 0.02 * 32 * len(ours)

    def test_what_is_not_usable(self) -> None:
        tone = (9000 * np.sin(np.arange(10 * RATE) * 0.1)).astype(np.int16)
        for sound in (voice(3, 3.0), np.zeros(10 * RATE, np.int16), tone, tone[:0]):
            assert not usable(fingerprint(sound, Modality.AUDIO))
        assert usable(fingerprint(voice(3, 6.0), Modality.AUDIO))

    @pytest.mark.parametrize("way", COPIES)
    def test_a_copy_finds_it_and_a_stranger_does_not(self, way: str, tmp_path: Path) -> None:
        with Registry(tmp_path / "r.sqlite", create=True) as registry:
            for seed in range(5):
                registry.add(asset(seed))
            (found,) = registry.find(fingerprint(COPIES[way](voice(3)), Modality.AUDIO)).files
            assert found.sha256 == f"{3:064x}"
            assert found.distance <= MOST
            assert registry.find(fingerprint(voice(77), Modality.AUDIO)).files == ()

    def test_one_registry_holds_pictures_and_sounds(self, tmp_path: Path) -> None:
        picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8).repeat(40, 0)
        looks = fingerprint(picture.repeat(40, 1), Modality.IMAGE)
        with Registry(tmp_path / "r.sqlite", create=True) as registry:
            registry.add(asset(1))
            registry.add(asset(2, looks))
            assert [each.sha256 for each in registry.find(looks).files] == [f"{2:064x}"]
            sound = fingerprint(voice(1), Modality.AUDIO)
            assert [each.sha256 for each in registry.find(sound).files] == [f"{1:064x}"]


def asset(number: int, looks: Fingerprint | None = None) -> Asset:
    return Asset(
        sha256=f"{number:064x}",
        media_type="audio/wav",
        fingerprint=looks or fingerprint(voice(number), Modality.AUDIO),
        store=b"store",
        provenance=Provenance(outcome=Outcome.TRUSTED),
    )


def test_without_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chromaprint, "NAMES", ("libnosuch.so.1",))
    chromaprint._library.cache_clear()
    try:
        found = fingerprint(voice(1), Modality.AUDIO)
    finally:
        chromaprint._library.cache_clear()
    assert (found.missing, usable(found)) == (MISSING, False)
    with Registry(tmp_path / "r.sqlite", create=True) as registry:
        assert registry.find(found).trouble == MISSING
        given = Found(Provenance(outcome=Outcome.TRUSTED), found, b"store")
        refused = register(registry, Input(uri="a.wav"), given).refused
    assert refused is not None and refused.startswith("libchromaprint is not installed")


SEQUENCES = st.lists(st.integers(0, 2**32 - 1), min_size=LEAST_WORDS, max_size=60)


class TestSequences:
    @settings(max_examples=60, deadline=None)
    @given(
        kept=st.lists(SEQUENCES, min_size=1, max_size=4),
        row=st.integers(0, 3),
        start=st.integers(0, 30),
        flips=st.integers(0, 60),
        seed=st.integers(0, 99),
    )
    def test_a_damaged_part_of_one_is_found(
        self, kept: list[list[int]], row: int, start: int, flips: int, seed: int
    ) -> None:
        rows = [np.array(each, np.uint32) for each in kept]
        row %= len(rows)
        part = rows[row][min(start, len(rows[row]) - LEAST_WORDS) :].copy()
        places = np.random.default_rng(seed).choice(32 * (len(part) - 1), flips, replace=False)
        for place in places:  # the last word stays whole, as some words of a copy do
            part[place // 32] ^= np.uint32(1 << (place % 32))
        differ = round(BITS * flips / (32 * len(part)))
        # an overlap of half of the longer one is needed, and an alignment may be better by chance
        near = Sequences([each.astype("<u4").tobytes() for each in rows]).near(
            part.astype("<u4").tobytes(), BITS
        )
        assert near == sorted(near, key=lambda each: (each.distance, each.row))
        (mine,) = (each for each in near if each.row == row)
        assert mine.distance <= differ

    def test_strangers_silence_and_nothing(self) -> None:
        chance = np.random.default_rng(0)
        silence = np.full(5000, 627964279, np.uint32)
        index = Sequences([chance.integers(0, 2**32, 500, np.uint32).tobytes(), silence.tobytes()])
        assert index.near(chance.integers(0, 2**32, 100, np.uint32).tobytes(), MOST) == []
        assert index.near(silence[:100].tobytes(), MOST) == []  # too common to look at
        assert Sequences([]).near(silence.tobytes(), MOST) == []
        assert index.near(b"", MOST) == []

    def test_too_little_in_common_is_no_match(self) -> None:
        one = np.random.default_rng(1).integers(0, 2**32, 200, np.uint32)
        index = Sequences([one.tobytes()])
        tail = np.concatenate([one[-60:], one[:141][::-1] ^ 0x5A5A5A5A]).astype(np.uint32)
        assert index.near(tail.tobytes(), MOST) == []
        assert index.near(one[-60:].tobytes(), MOST)[0].distance == 0
        assert index.near(one[-(LEAST_WORDS - 1) :].tobytes(), MOST) == []

    def test_numpy_without_bitwise_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values = np.random.default_rng(2).integers(0, 2**32, 99, np.uint32)
        expected = sum(int(each).bit_count() for each in values)
        assert _popcount(values) == expected
        monkeypatch.delattr(np, "bitwise_count", raising=False)
        assert _popcount(values) == expected
