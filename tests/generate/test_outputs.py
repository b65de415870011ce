"""What `generate sample` writes, file by file."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verascope.generate.contract import Budget
from verascope.generate.data import Listed
from verascope.generate.mlp_gan import MlpGan
from verascope.generate.outputs import write_samples
from verascope.generate.signing import cached_signer

CHILD = """
import os, signal, sys
from pathlib import Path
from verascope.generate.mlp_gan import MlpGan
from verascope.generate.outputs import write_samples
from verascope.generate.signing import cached_signer
written, calls = Path.write_bytes, []
def dying(self, content):
    calls.append(self)
    if len(calls) == 4:
        written(self, content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return written(self, content)
signer = cached_signer() if sys.argv[3] == "signed" else None
Path.write_bytes = dying
generator = MlpGan.tiny()
generator.load(Path(sys.argv[1]))
write_samples(generator, Path(sys.argv[2]), count=6, seed=1, start=0, signer=signer)
"""


@pytest.mark.parametrize("signed", ["signed", "plain"])
def test_a_kill_leaves_whole_files_alone(signed: str, tmp_path: Path) -> None:
    """Killed with half of the fourth picture's bytes on disk; the same command mends it."""
    generator, out = MlpGan.tiny(), tmp_path / "out"
    data = Listed(generator.examples())
    checkpoint = generator.train(data, Budget(steps=1), seed=0, out=tmp_path / "run")
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(checkpoint), str(out), signed], check=False
    )
    assert child.returncode == -signal.SIGKILL
    made = [item.media for item in generator.sample(6, 1)]
    there = sorted(out.glob("*.png"))
    assert [file.name for file in there] == [f"{k:06d}.png" for k in range(3)]
    for file, media in zip(there, made, strict=False):
        np.testing.assert_array_equal(np.asarray(Image.open(file)), media)

    signer = cached_signer() if signed == "signed" else None
    assert write_samples(generator, out, count=6, seed=1, start=0, signer=signer).files == 6
    assert sorted(file.name for file in out.iterdir()) == [f"{k:06d}.png" for k in range(6)]
    for file, media in zip(sorted(out.iterdir()), made, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(file)), media)
