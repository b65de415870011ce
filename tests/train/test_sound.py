"""Heads on encoders of sound, from a toy corpus to a detector; the gate for speech."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from numpy.typing import NDArray

from verascope.cli.train import train
from verascope.detect import registry, speech_gate
from verascope.detect.model_folder import ModelFolder
from verascope.detect.sound_heads import SoundHeads
from verascope.generate.manifest import Row, write
from verascope.generate.sounds import RATE, example_sounds
from verascope.result import Modality, Status
from verascope.scanner import Scanner
from verascope.settings import Settings
from verascope.train import corpora, sound_nulls, sound_views
from verascope.train.sound_recipe import RECIPES

RECIPE = """
name = "toy"
views = ["raw", "telephone"]
components = 6
folds = 2
landmarks = 12
heads = [{ encoder = "spectral", taps = ["texture"] }, { encoder = "spectral", taps = ["bands"] }]
"""


def robotic(media: NDArray[np.int16]) -> NDArray[np.int16]:
    """The same sound with every spectrum's phase at zero, as a bad vocoder leaves it."""
    frames = media[: len(media) // 200 * 200].reshape(-1, 200).astype(float)
    flat = np.fft.irfft(np.abs(np.fft.rfft(frames)))
    return np.clip(np.rint(flat), -32_768, 32_767).astype(np.int16).ravel()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn speech and its robotic twin, three sources for train and one for dev; some hum."""
    folder = tmp_path_factory.mktemp("sounds")
    rows = []
    drawn = example_sounds(2.0, 16)
    for number, item in enumerate(drawn):
        source = number % 4
        split = "dev" if source == 3 else "train"
        for label, media in (("real", item.media), ("synthetic", robotic(item.media))):
            path = f"{label}-{number}.wav"
            soundfile.write(folder / path, media, RATE)
            generator = "" if label == "real" else "zero-phase"
            row = Row(
                path=path,
                label=label,
                source=f"toy-{source}",
                generator=generator,
                split=split,
                pair=f"toy-{number}",
                kind="speech",
            )
            rows.append(row)
    for number in range(12):
        time = np.arange(2 * RATE) / RATE
        hum = 8_000 * np.sin(2 * np.pi * (100 + 40 * number) * time)
        soundfile.write(folder / f"hum-{number}.wav", hum.astype(np.int16), RATE)
        path = f"hum-{number}.wav"
        rows.append(Row(path=path, label="real", source=f"hum-{number % 3}", kind="music"))
    write(folder / "manifest.csv", rows)
    return folder


@pytest.fixture(scope="module")
def trained(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    recipe = out / "toy.toml"
    text = RECIPE.replace("components = 6\n", "").replace('"] }', '"], components = 6 }')
    recipe.write_text(text)
    asked = ["sound-head", "--corpus", str(toy), "--out", str(out), "--recipe", str(recipe)]
    asked += ["--features", str(out / "features"), "--name", "toy-sound"]
    done = CliRunner().invoke(train, asked, catch_exceptions=False)
    assert done.exit_code == 0
    return out


def test_the_folder_is_a_detector_that_tells_the_classes_apart(trained: Path, toy: Path) -> None:
    detector = registry.create(str(trained / "model"))
    assert isinstance(detector, SoundHeads)
    assert detector.modality is Modality.AUDIO
    windows, logits = ModelFolder(trained / "model").reference()
    np.testing.assert_allclose(detector.score(windows), logits, atol=0.02)
    unseen = [item for item in corpora.items_of(corpora.read_all([toy], "dev"))]
    with Scanner(Settings(detectors=(str(trained / "model"),))) as scanner:
        scores = {item.row.path: scanner.scan(item.file).detectors[0].score for item in unseen}
    made = [score for path, score in scores.items() if path.startswith("synthetic")]
    real = [score for path, score in scores.items() if path.startswith("real")]
    assert min(made) > max(real)


def test_evaluate_judges_recordings_as_a_scan_does(trained: Path, toy: Path) -> None:
    asked = ["evaluate", str(trained / "model"), "--corpus", str(toy)]
    done = CliRunner().invoke(train, asked, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(done.output)["discrimination"]
    assert list(found) == list(sound_views.VIEWS)
    assert found["raw"]["auroc"]["value"] > 0.9
    assert {"null", "above_null", "header_null"} <= set(found["raw"])


def test_every_figure_stands_beside_both_nulls_and_can_be_taken_again(trained: Path) -> None:
    description = ModelFolder(trained / "model").description
    for split in ("leave_sources_out", "dev"):
        found = description.metrics[split]["discrimination"]
        assert list(found) == list(sound_views.VIEWS)
        assert {"auroc", "null", "header_null", "above_null"} <= set(found["raw"])
    assert description.metrics["leave_sources_out"]["discrimination"]["raw"]["pairs"]["value"] > 0.5
    with (trained / "scores.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["split"] for row in rows} == {"train", "dev"}
    made = [float(row["raw"]) for row in rows if row["label"] == "synthetic"]
    real = [float(row["raw"]) for row in rows if row["kind"] == "speech" and row["label"] == "real"]
    assert np.mean(made) > np.mean(real)
    assert "Tells machine-made recordings" in (trained / "model" / "CARD.md").read_text()


def test_a_source_that_is_left_out_teaches_nothing(toy: Path) -> None:
    """With teachers: labels of the held-out source may be anything, and its logits stay."""
    import msgspec

    from verascope.train.image import Data
    from verascope.train.sound import SoundRun, material_of, score_held_out

    part = msgspec.structs.replace(RECIPES["tiny"].heads[0], components=6)
    recipe = msgspec.structs.replace(
        RECIPES["tiny"], heads=(part,), teachers=(part,), folds=3, landmarks=12
    )
    items = [
        item
        for item in corpora.items_of(corpora.read_all([toy], "train"))
        if item.row.kind == "speech"
    ]
    run = SoundRun([toy], Path(), recipe, toy / "features")
    data = Data(items, recipe)
    known = material_of(run, items)
    before = score_held_out(run, data, known)["raw"].logits
    held = data.folds == 0
    other = {"real": "synthetic", "synthetic": "real"}
    flipped = []
    for item, out in zip(items, held, strict=True):
        row = msgspec.structs.replace(item.row, label=other[item.row.label])
        flipped.append(corpora.Item(item.file, row, item.headline) if out else item)
    after = score_held_out(run, Data(flipped, recipe), known._replace(items=flipped))["raw"].logits
    np.testing.assert_allclose(before[held], after[held], atol=1e-6)
    assert not np.allclose(before[~held], after[~held], atol=1e-3)


def test_the_null_reads_the_file_and_hears_no_word(toy: Path) -> None:
    items = corpora.items_of(corpora.read_all([toy], "train"))
    table = sound_nulls.table(items)
    names = (*sound_nulls.HEADER, *sound_nulls.SIGNAL)
    assert table.shape == (len(items), len(names))
    first = dict(zip(names, table[0], strict=True))
    assert first["rate"] == RATE
    assert first["seconds"] == pytest.approx(2.0)
    assert first["bytes"] == items[0].file.stat().st_size
    assert first["bandwidth_hz"] <= RATE / 2
    assert first["peak_db"] > first["rms_db"] > first["floor_db"]


def test_a_gate_is_trained_by_kinds_and_keeps_hum_out(toy: Path, tmp_path: Path) -> None:
    asked = ["speech-gate", "--corpus", str(toy), "--out", str(tmp_path / "gate.npz")]
    done = CliRunner().invoke(train, asked, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.output == (tmp_path / "gate.json").read_text()
    stored = np.load(tmp_path / "gate.npz")
    assert stored["weights"].shape == (28,)
    figures = json.loads((tmp_path / "gate.json").read_bytes())
    assert figures["auroc"]["value"] > 0.9
    assert figures["passed"]["music"]["value"] < 0.2


@pytest.mark.parametrize("what", ["hum", "noise", "chord"])
def test_what_is_not_speech_is_told_and_not_scored(what: str, tmp_path: Path) -> None:
    time = np.arange(4 * RATE) / RATE
    rng = np.random.default_rng(0)
    waves = {
        "hum": np.sin(2 * np.pi * 220 * time),
        "noise": 0.3 * rng.standard_normal(len(time)),
        "chord": sum(np.sin(2 * np.pi * f * time) for f in (261.6, 329.6, 392.0)) / 3,
    }
    file = tmp_path / "it.wav"
    soundfile.write(file, 0.5 * waves[what], RATE)
    with Scanner(Settings(detectors=("audio-spectral",))) as scanner:
        found = scanner.scan(file)
    assert (found.status, found.reason) == (Status.SKIPPED, "no_speech")


def test_speech_is_scored_by_segments_and_a_telephone_is_told(tmp_path: Path) -> None:
    media = np.concatenate([item.media for item in example_sounds(2.0, 3)])
    with Scanner(Settings(detectors=("audio-spectral",))) as scanner:
        for view, warned in (("raw", False), ("telephone", True)):
            soundfile.write(tmp_path / f"{view}.wav", sound_views.show(media, view), RATE)
            found = scanner.scan(tmp_path / f"{view}.wav")
            assert found.status is Status.SCORED
            assert ("narrow_band" in found.warnings) is warned
            [score] = found.detectors
            assert [segment.span for segment in score.segments] == [(0, 2), (2, 4), (4, 6)]


def test_windows_without_speech_are_left_out() -> None:
    speech = example_sounds(2.0, 1)[0].media
    quiet = (300 * np.sin(np.arange(2 * RATE) / 9)).astype(np.int16)
    detector = registry.create("audio-spectral")
    found = detector.windows(np.concatenate([quiet, speech, quiet]))
    assert found.places.tolist() == [[2.0, 4.0]]
    assert speech_gate.shipped().speech(found.values).all()


def test_one_high_window_is_not_diluted() -> None:
    """A recording of a minute with one loud logit is above its mean, and below its highest."""
    logits = np.full(30, -0.5, np.float32)
    logits[7] = 1.0
    pooled = registry.create("audio-spectral").pool(logits)
    assert logits.mean() + 0.3 < pooled < 1.0


def test_our_own_corpora_have_their_share_of_each_class(tmp_path: Path) -> None:
    from verascope.train import sound_heads
    from verascope.train.corpora import Item
    from verascope.train.sound_heads import Material

    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "corpus.json").write_text("{}")
    items = [
        Item(tmp_path / folder / f"{k}.wav", Row(path="x", label=label, source=f"{k}"), True)
        for folder, count in (("own", 3), ("theirs", 5))
        for label in ("real", "synthetic")
        for k in range(count)
    ]
    recipe = RECIPES["accurate"]
    weights = sound_heads._weights(Material(items, {}), recipe)
    own = np.array([sound_heads.is_built_in(item) for item in items])
    made = np.array([item.row.label == "synthetic" for item in items])
    assert own.sum() == 6
    for of_class in (made, ~made):
        assert weights[of_class].sum() == pytest.approx(1)
        assert weights[of_class & own].sum() == pytest.approx(recipe.built_in)
