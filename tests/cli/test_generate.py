"""`verascope generate` as a user types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from verascope.cli.generate import generate
from verascope.errors import UsageError
from verascope.generate import manifest
from verascope.generate.data import example_pictures, open_pictures
from verascope.generate.sound_encode import SoundCodec
from verascope.generate.sounds import decode, example_sounds


def verascope_generate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(generate, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the cache of whoever runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for item in example_pictures(96, 12):
        Image.fromarray(item.media).save(folder / f"{item.key}.png")
    return folder


def test_list_names_every_generator() -> None:
    result = verascope_generate("list", "--format", "jsonl")
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert {"name": "dcgan", "modality": "image", "family": "gan"} in facts
    assert {"name": "reconstructor", "modality": "image", "family": "autoencoder"} in facts
    assert "dcgan" in verascope_generate("list").stdout


def test_help_teaches_with_an_example() -> None:
    assert "verascope generate image --family" in verascope_generate("image", "--help").stdout


def test_dry_run_prints_the_options_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("width = 8\n")
    out = tmp_path / "run"
    result = verascope_generate(
        *("image", "--family", "dcgan", "--data", photos, "--out", out),
        *("--steps", "5", "--config", config, "--dry-run"),
    )
    assert result.exit_code == 0, result.output
    options = json.loads(result.stdout)
    assert options["config"]["width"] == 8
    assert options["budget"]["steps"] == 5
    assert options["pictures"] == {"train": 12, "dev": 0}
    assert not out.exists()


def test_image_trains_writes_a_corpus_and_goes_on(photos: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("size = 16\nlatent = 8\nwidth = 4\nbatch = 8\n")
    out = tmp_path / "run"
    command = (
        *("image", "--family", "dcgan", "--data", photos, "--out", out, "--config", config),
        *("--count", "12", "--steps", "4", "--threads", "1", "--allow-confounds", "--no-sign"),
    )
    first = verascope_generate(*command)
    assert first.exit_code == 0, first.output
    assert "header null" in first.stdout
    assert "signed         no" in first.stdout
    assert "step 4" in first.stderr
    rows = list(manifest.read(out / "corpus" / "manifest.csv"))
    assert len(rows) == 24
    again = verascope_generate(*command)
    assert again.stdout == first.stdout
    loaded = verascope_generate(
        *("image", "--family", "dcgan", "--data", photos, "--out", tmp_path / "other"),
        *("--config", config, "--checkpoint", out / "generator.safetensors"),
        *("--count", "12", "--allow-confounds", "--no-sign"),
    )
    assert loaded.exit_code == 0, loaded.output
    assert (tmp_path / "other/corpus/manifest.csv").read_bytes() == (
        out / "corpus/manifest.csv"
    ).read_bytes()


def test_dev_pictures_get_twins_but_train_nothing(tmp_path: Path) -> None:
    photos, config, out = tmp_path / "photos", tmp_path / "c.toml", tmp_path / "run"
    for item in example_pictures(96, 24):
        album = photos / f"album{item.key % 8}"
        album.mkdir(parents=True, exist_ok=True)
        Image.fromarray(item.media).save(album / f"{item.key}.png")
    data = open_pictures(photos)
    dev = {item.source for item in data.only("dev")}
    assert dev
    config.write_text("width = 4\nlatent = 4\ncrop = 16\nbatch = 4\n")
    result = verascope_generate(
        *("image", "--family", "reconstructor", "--data", photos, "--out", out),
        *("--config", config, "--steps", "2", "--count", "24", "--allow-confounds"),
    )
    assert result.exit_code == 0, result.output
    options = json.loads((out / "options.json").read_text())
    assert options["data_sha256"] == data.only("train").sha256
    assert "signed         Verascope generate" in result.stdout
    rows = list(manifest.read(out / "corpus" / "manifest.csv"))
    assert {row.source for row in rows if row.split == "dev"} == dev
    assert len(rows) == 48


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny run of each kind, by `generate train`."""
    made, tmp_path = {}, tmp_path_factory.mktemp("runs")
    for name, options in (
        ("dcgan", "size = 16\nlatent = 8\nwidth = 4\nbatch = 8\n"),
        ("reconstructor", "width = 4\nlatent = 4\ncrop = 16\nbatch = 4\n"),
    ):
        config = tmp_path / f"{name}.toml"
        config.write_text(options)
        made[name] = tmp_path / "runs" / name
        result = verascope_generate(
            *("train", "--family", name, "--data", photos, "--out", made[name]),
            *("--config", config, "--steps", "2", "--threads", "1"),
        )
        assert result.exit_code == 0, result.output
        assert "spectrum" in result.stdout
    return made


def test_a_run_is_sampled_transformed_measured_and_made_a_corpus(
    runs: dict[str, Path], photos: Path, tmp_path: Path
) -> None:
    for start, count in ((0, 5), (3, 2)):
        result = verascope_generate(
            *("sample", "--run", runs["dcgan"], "--out", tmp_path / f"from{start}", "--no-sign"),
            *("--start", str(start), "--count", str(count)),
        )
        assert f"{count} pictures" in result.stdout
    both = [tmp_path / folder / "000003.png" for folder in ("from0", "from3")]
    assert both[0].read_bytes() == both[1].read_bytes()

    broken = photos / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno")
    result = CliRunner().invoke(
        generate,
        [
            "transform",
            str(photos),
            "--run",
            str(runs["reconstructor"]),
            "--out",
            str(tmp_path / "t"),
        ],
        standalone_mode=False,
    )
    assert result.return_value == 2
    assert "broken.png: truncated" in result.stderr
    broken.unlink()
    assert len(list((tmp_path / "t").glob("*.png"))) == 12
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "t" / "0.png").read_bytes()

    result = verascope_generate(
        *("evaluate", "--run", runs["dcgan"], "--data", photos, "--count", "20"),
    )
    assert result.exit_code == 0, result.output
    assert "floor" in result.stdout
    assert "coverage" in result.stdout

    out = tmp_path / "both"
    result = verascope_generate(
        *("corpus", "--run", runs["dcgan"], "--run", runs["reconstructor"], "--data", photos),
        *("--out", out, "--count", "12", "--allow-confounds"),
    )
    assert result.exit_code == 0, result.output
    rows = [row for row in manifest.read(out / "manifest.csv") if row.label == "synthetic"]
    assert {row.generator for row in rows} == {"dcgan", "reconstructor"}


def test_verbs_that_do_not_fit_a_generator_name_the_one_that_does(
    runs: dict[str, Path], photos: Path, tmp_path: Path
) -> None:
    for arguments, said in (
        (("sample", "--run", runs["reconstructor"]), "generate transform"),
        (("transform", photos, "--run", runs["dcgan"]), "generate sample"),
        (("sample", "--run", photos), "not a run folder"),
    ):
        result = verascope_generate(*arguments, "--out", tmp_path / "o")
        assert isinstance(result.exception, UsageError)
        assert said in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--family", "dcgam"), "did you mean dcgan"),
        (("--family", "dcgan", "--steps", "1", "--seconds", "1"), "only one"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    photos: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = verascope_generate("image", "--data", photos, "--out", tmp_path / "r", *arguments)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for item in example_sounds(2.5, n=12):
        (folder / f"{item.key}.wav").write_bytes(SoundCodec(format="WAV").encode(item.media))
    return folder


def test_recordings_get_twins_by_the_same_verbs(recordings: Path, tmp_path: Path) -> None:
    for family in ("griffin-lim", "splice"):
        result = verascope_generate(
            *("audio", "--family", family, "--data", recordings, "--out", tmp_path / family),
            *("--count", "4", "--window", "2.5", "2.5", "--jobs", "1"),
        )
        assert result.exit_code == 0, result.output
        assert "mel distance" in result.stdout
        assert "4 train real, 4 train synthetic" in result.stdout
    out, run = tmp_path / "twins", tmp_path / "griffin-lim"
    (recordings / "broken.wav").write_bytes(b"RIFF\x04\x00\x00\x00WAVE")
    result = CliRunner().invoke(
        generate,
        ["transform", str(recordings), "--run", str(run), "--out", str(out)],
        standalone_mode=False,
    )
    assert result.return_value == 2
    assert "broken.wav: " in result.stderr
    assert "12 recordings" in result.stdout
    assert len(decode(out / "3.wav")) == len(decode(recordings / "3.wav"))
    (recordings / "broken.wav").unlink()
    both = tmp_path / "both"
    result = verascope_generate(
        *("corpus", "--run", run, "--run", tmp_path / "splice", "--data", recordings),
        *("--out", both, "--count", "6", "--window", "2.5", "2.5", "--no-sign"),
    )
    assert result.exit_code == 0, result.output
    rows = [row for row in manifest.read(both / "manifest.csv") if row.label == "synthetic"]
    assert [row.generator for row in rows] == ["griffin-lim", "splice"] * 3
    assert [bool(row.spans) for row in rows] == [False, True] * 3


def test_verbs_for_pictures_refuse_sound_and_say_why(recordings: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = verascope_generate(
        *("train", "--family", "lpc", "--data", recordings, "--out", run, "--steps", "1")
    )
    assert result.exit_code == 0, result.output
    for arguments, said in (
        (("image", "--family", "lpc", "--data", recordings, "--out", tmp_path / "x"), "not pict"),
        (("evaluate", "--run", run, "--data", recordings), "only generators of pictures"),
        (("sample", "--run", run, "--out", tmp_path / "x"), "generate transform"),
    ):
        result = verascope_generate(*arguments)
        assert isinstance(result.exception, UsageError)
        assert said in str(result.exception)
