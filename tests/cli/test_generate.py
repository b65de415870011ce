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


def verascope_generate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(generate, [str(a) for a in arguments])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the cache of whoever runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
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
