"""`verascope doctor`: what is here, what is not, and whether a scan could run."""

import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import click

from verascope import __version__
from verascope.errors import ExitCode, VerascopeError

NEEDED = ("c2pa-python", "cryptography", "msgspec", "numpy", "onnxruntime", "Pillow", "simplejpeg")
OPTIONAL = {
    "torch": "generate, train",
    "scikit-learn": "train",
    "opencv-python-headless": "train",
    "onnx": "models install",
    "pillow-heif": "HEIC pictures",
    "pyarrow": "scan --format parquet",
    "fsspec": "scan s3://… and other URLs",
    "ray": "scan --engine ray",
    "python-pkcs11": "signing with a key store",
}


class Finding(NamedTuple):
    """One line: good, note or bad; bad ones keep a scan from running."""

    state: str
    what: str
    says: str


@click.command()
def doctor() -> int:
    """Say what is installed, what is not, and whether a scan could run (2 if it could not).

    Nothing is fetched and nothing is changed. What it prints may be pasted into an issue.
    """
    found = [*_versions(), *_models(), *_calibrations(), *_worker(), *_trust(), *_devices()]
    width = max(len(each.what) for each in found)
    for each in found:
        mark = click.style(f"{each.state:<4}", fg={"bad": "red", "note": "yellow"}.get(each.state))
        click.echo(f"{mark}  {each.what:<{width}}  {each.says}")
    bad = sum(each.state == "bad" for each in found)
    click.echo("a scan can run" if not bad else f"a scan cannot run: {bad} bad", err=True)
    return int(ExitCode.INCOMPLETE if bad else ExitCode.OK)


def _versions() -> Iterator[Finding]:
    yield Finding("good", "verascope", f"{__version__}, {Path(__file__).parents[1]}")
    yield Finding("good", "python", f"{platform.python_version()}, {sys.platform}")
    for name in NEEDED:
        told = _version(name)
        missing = "is missing; install verascope again"
        yield Finding("good" if told else "bad", name, told or missing)
    for name, use in OPTIONAL.items():
        told = _version(name)
        yield Finding("good" if told else "note", name, told or f"not installed: no {use}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _models() -> Iterator[Finding]:
    """Each detector that `scan` could run, with the hash of what it would run."""
    from verascope.detect import registry
    from verascope.encoders.known import shelf
    from verascope.settings import Quality

    try:
        entries = registry.wanted(Quality.AUTO)
    except VerascopeError as error:
        yield Finding("bad", "detectors", str(error))
        return
    for name in registry.entries():
        detector = registry.create(name)
        try:
            if name in entries:
                detector.load()
            run = "scan runs it" if name in entries else "scan does not run it (--quality auto)"
            told = f"{detector.version}, {detector.sha256[:12]}; {run}"
            yield Finding("good" if name in entries else "note", f"model {name}", told)
        except Exception as error:  # noqa: BLE001 - whatever a third party's detector raises
            yield Finding("bad", f"model {name}", str(error))
    for encoder in shelf():
        described = encoder.description
        what = f"encoder {described.name} {described.build}"
        try:
            least = encoder.check()
        except VerascopeError as error:
            yield Finding("bad", what, str(error))
        else:
            says = f"{described.sha256[:12]}; least cosine to its reference {least:.4f}"
            yield Finding("good", what, says)


def _calibrations() -> Iterator[Finding]:
    """Each calibration of the user's, and whether the models here are those that it is of."""
    from verascope.detect import registry
    from verascope.detect.profile import fitting, load, names

    for name in names():
        what = f"calibration {name}"
        try:
            model = load(name).model.detector
            fitting((name,), {model: registry.create(model)})
        except VerascopeError as error:
            yield Finding("note", what, str(error))
        else:
            yield Finding("good", what, f"of {model}, {load(name).items:,} real files")


def _worker() -> Iterator[Finding]:
    """Whether the isolated process starts and reads a picture."""
    from verascope.result import Status
    from verascope.scanner import Scanner
    from verascope.settings import Quality, Settings

    try:
        with Scanner(Settings(quality=Quality.FAST)) as scanner:
            result = scanner.scan_bytes(_PICTURE)
    except (VerascopeError, OSError) as error:
        yield Finding("bad", "worker", str(error))
        return
    if result.status is Status.SKIPPED and result.input.width == 1:
        yield Finding("good", "worker", f"reads a picture in {result.timing['total']:.0f} ms")
    else:
        yield Finding("bad", "worker", f"{result.reason}: {result.detail}")


def _trust() -> Iterator[Finding]:
    from verascope.provenance.local_lists import ISSUED, facts, names
    from verascope.provenance.trust import resolve

    for name in (*ISSUED, *names()):
        found = facts(*resolve((name,))[0])
        since = found.issued or found.imported
        says = f"{(datetime.now(UTC).date() - since).days} days old" if since else "of unknown age"
        if found.expired:
            says += f", {found.expired} expired"
        if found.overdue:
            says += "; OVERDUE: look for a newer release of Verascope"
        state = "note" if found.overdue or found.trusts_nobody else "good"
        yield Finding(state, f"trust list {name}", says)


def _devices() -> Iterator[Finding]:
    from verascope.detect.session import runtime

    cores = len(os.sched_getaffinity(0))
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    vnni = "with VNNI" if "vnni" in flags else "without VNNI: int8 models are slower"
    yield Finding("good", "processor", f"{cores} cores, {vnni}")
    yield Finding("good", "onnxruntime runs on", ", ".join(runtime().get_available_providers()))


# A PNG of one black pixel: read, decoded up to its header, and too small to judge.
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)
