"""The runtime that models run on: it reports to nobody."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from verascope.detect.image_residual import SHIPPED
from verascope.detect.session import load
load((SHIPPED / "model.onnx").read_bytes(), ("CPUExecutionProvider",), 1)
"""


def test_the_runtime_keeps_no_identifier_and_sends_nothing(tmp_path: Path) -> None:
    """Its telemetry writes an identifier to the temporary folder as soon as it is imported."""
    environment = {k: v for k, v in os.environ.items() if k != "CI" and "TELEMETRY" not in k}
    environment |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_no_other_file_imports_the_runtime() -> None:
    """So that none of them imports it before its telemetry is off."""
    package = Path(__file__).parents[2] / "verascope"
    found = {
        file.name for file in package.rglob("*.py") if "import onnxruntime" in file.read_text()
    }
    assert found == {"session.py"}
