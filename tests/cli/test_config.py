"""Settings by file, environment and flag; colours, completion, doctor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Command

Ran = subprocess.CompletedProcess[str]


def run(folder: Path, *arguments: str | Path, **environment: str) -> Ran:
    return subprocess.run(
        [sys.executable, "-m", "verascope", *map(str, arguments)],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def setting(done: Ran, name: str) -> str:
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name} = ")]
    return line.partition(" = ")[2]


def test_defaults_file_environment_flags_in_this_order(tmp_path: Path) -> None:
    asked = ["scan", "--show-settings"]
    assert setting(run(tmp_path, *asked), "quality") == "'auto'  (default)"
    (tmp_path / "pyproject.toml").write_text('[tool.verascope.scan]\nquality = "accurate"\n')
    assert setting(run(tmp_path, *asked), "quality") == "'accurate'  (default map)"
    (tmp_path / "verascope.toml").write_text('[scan]\nquality = "fast"\nmax-size = 7\n')
    done = run(tmp_path, *asked)
    assert setting(done, "quality") == "'fast'  (default map)"
    assert setting(done, "max-size") == "7  (default map)"
    done = run(tmp_path, *asked, VERASCOPE_SCAN_MAX_SIZE="8")
    assert setting(done, "max-size") == "8  (environment)"
    done = run(tmp_path, *asked, "--max-size", "9", VERASCOPE_SCAN_MAX_SIZE="8")
    assert setting(done, "max-size") == "9  (commandline)"


def test_a_named_file_and_its_lists(tmp_path: Path, examples: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[scan]\nquality = "fast"\nformat = "jsonl"\nexclude = ["*.png", "*.md"]\n')
    done = run(tmp_path, "--config", file, "scan", "--exit-zero", examples)
    assert done.returncode == 0, done.stderr
    names = [json.loads(line)["input"]["uri"] for line in done.stdout.splitlines()]
    assert names and not [name for name in names if name.endswith((".png", ".md"))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[scan]\nqualty = 'fast'\n", "sets 'qualty', which is no option"),
        ("[scna]\nquality = 'fast'\n", "[scna] is no verb"),
        ("[scan]\nquality = 'slow'\n", "slow"),
        ("[scan\n", "verascope.toml"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "verascope.toml").write_text(text)
    done = run(tmp_path, "scan", "x.jpg")
    assert done.returncode == 64
    assert said in done.stderr


@pytest.mark.parametrize(
    ("flags", "environment", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours(
    tmp_path: Path, flags: list[str], environment: dict[str, str], coloured: bool
) -> None:
    done = run(tmp_path, *flags, "doctor", **environment)
    assert ("\x1b[" in done.stdout) is coloured


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(verascope: Command, shell: str) -> None:
    assert "_VERASCOPE_COMPLETE" in verascope("completion", shell).out


def test_completion_of_a_verb_and_of_a_choice(tmp_path: Path) -> None:
    def completed(words: str, place: int) -> str:
        return run(
            tmp_path, _VERASCOPE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(place)
        ).stdout

    assert "plain,scan" in completed("verascope sc", 1)
    assert "plain,accurate" in completed("verascope scan --quality a", 3)


def test_doctor_says_that_a_scan_can_run(verascope: Command) -> None:
    done = verascope("doctor")
    assert done.code == 0, done.out
    assert done.err.strip() == "a scan can run"
    for what in ("onnxruntime", "model image-residual", "worker", "trust list official"):
        assert any(what in line and line.startswith("good") for line in done.out.splitlines()), what


def test_doctor_says_why_a_scan_could_not_run(tmp_path: Path) -> None:
    """A package is missing: pretended by a folder before it on the path."""
    code = (
        "import sys, importlib.metadata as m; found = m.version\n"
        "def version(name):\n"
        "    if name == 'Pillow': raise m.PackageNotFoundError(name)\n"
        "    return found(name)\n"
        "m.version = version\n"
        "from verascope.cli.main import run; sys.exit(run(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Pillow" in done.stdout and "a scan cannot run: 1 bad" in done.stderr
