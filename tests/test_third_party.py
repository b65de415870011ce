"""The detector that CONTRIBUTING.md shows, installed as a package of its own, scans."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import EXAMPLES, ROOT


def install(folder: Path) -> None:
    """What pip leaves behind for the example's package."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    entry = re.search(r'^"(image\.\S+)" = "(\S+)"', text, re.MULTILINE)
    assert code and entry
    package = folder / "my_package"
    package.mkdir()
    (package / "noise.py").write_text(code[1])
    info = folder / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[verascope.detectors]\n{entry[1]} = {entry[2]}\n")


def test_one_file_and_one_entry_are_enough(tmp_path: Path) -> None:
    install(tmp_path)
    photograph = str(EXAMPLES / "photographs" / "flower.jpg")
    command = ["scan", "--detector", "noise-level", "--format", "jsonl", "--exit-zero", photograph]
    done = subprocess.run(
        [sys.executable, "-m", "verascope", *command],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["status"] == "scored"
    assert result["detectors"][0]["name"] == "noise-level"
    assert len(result["detectors"][0]["segments"]) == 5
