"""The transcripts in docs/provenance.md are what the command prints."""

import os
import re
from pathlib import Path

import pytest

from verascope.cli.main import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "provenance.md").read_text(encoding="utf-8")
TRANSCRIPTS = re.findall(r"```console\n\$ verascope ([^\n]+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("command", "printed"), TRANSCRIPTS)
def test_transcript(command: str, printed: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        run(command.split())
    finally:
        os.chdir(before)
    assert capfd.readouterr().out.rstrip() == printed.rstrip()


def test_there_is_a_transcript() -> None:
    assert TRANSCRIPTS
