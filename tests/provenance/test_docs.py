"""The transcripts in docs/provenance.md are what the commands print, one after the other."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.provenance import chain
from verascope.cli.main import run
from verascope.provenance.trust import resolve

PAGE = (ROOT / "docs" / "provenance.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:console|text)\n(\$ verascope .*?)```", PAGE, re.DOTALL)
VERBS = {"verify", "trust", "inspect", "cert", "sign", "republish", "register"}
# What differs from day to day, from place to place, and with the copy that a platform makes.
VARIES = (
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\(\d+ of 256 bits", "(N of 256 bits"),
    (r"kept as \S+/", "kept as "),
)


def transcripts() -> Iterator[tuple[str, str]]:
    """Each command, with what it prints."""
    for block in BLOCKS:
        for part in re.split(r"^\$ verascope ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.replace("\\\n", "").partition("\n")
            yield command, printed


def told(text: str) -> str:
    for pattern, instead in VARIES:
        text = re.sub(pattern, instead, text)
    return text.rstrip()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples, a copy that a platform made, and somebody's list."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    with Image.open(tmp_path / "examples/signed.jpg") as image:
        image.resize((image.width * 2 // 3, image.height * 2 // 3)).save(tmp_path / "copy.jpg")
    (tmp_path / "newsroom.pem").write_bytes(chain.authority().pem)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    resolve.cache_clear()
    return tmp_path


def test_transcripts(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command, printed in transcripts():
        run(command.split())
        out, err = capfd.readouterr()
        found, wanted = told(err + out), told(printed)
        if wanted.endswith("…"):
            found = found[: len(wanted) - 1] + "…"
        assert found == wanted, command


def test_every_verb_is_shown() -> None:
    assert {command.split()[0] for command, _ in transcripts()} >= VERBS
