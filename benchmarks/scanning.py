"""Start-up and per-image cost of scanning, each as a ratio to something bare in the same run.

    python benchmarks/scanning.py [--json results.json]

Whole processes are counted in processor time (user and system, with their children), the least of
several runs; the cost of an image in wall time with everything on one core, the least of many.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg

from verascope.detect.crops import CROP, POSITIONS, native_crops
from verascope.detect.encoder import GRAPH, Encoder
from verascope.detect.image_clip import ImageClip
from verascope.detect.image_residual import SHIPPED, ImageResidual
from verascope.detect.session import Session
from verascope.scanner import Scanner
from verascope.settings import Quality, Settings

RUNS = 7
REPEATS = 60
MEGAPIXEL = (1000, 1000)


class Row(NamedTuple):
    """One figure: what was measured, beside what, and the bar that DESIGN sets on the ratio."""

    what: str
    ms: float
    bare: str
    bare_ms: float
    bar: float

    @property
    def ratio(self) -> float:
        """Measured over bare."""
        return self.ms / self.bare_ms


def main() -> None:
    """Measure, print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures there")
    wanted = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, for children too
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.jpg"
        picture.write_bytes(jpeg(*MEGAPIXEL))
        rows = [*start_up(picture), *per_image(picture)]
    print(f"{'what':<46} {'ms':>8}  {'bare':<42} {'ms':>8} {'ratio':>6} {'bar':>5}")
    for row in rows:
        mark = "" if row.ratio <= row.bar else "  OVER"
        print(
            f"{row.what:<46} {row.ms:8.1f}  {row.bare:<42} {row.bare_ms:8.1f} "
            f"{row.ratio:6.2f} {row.bar:5.2f}{mark}"
        )
    if wanted.json:
        wanted.json.write_text(json.dumps(record(rows), indent=1) + "\n", encoding="utf-8")


def start_up(picture: Path) -> list[Row]:
    """The processes that a person waits for."""
    verascope = [sys.executable, "-m", "verascope"]
    click = cpu_ms([sys.executable, "-c", "import click"])
    opened = (
        f"import numpy, onnxruntime; onnxruntime.InferenceSession({str(SHIPPED / 'model.onnx')!r})"
    )
    session = cpu_ms([sys.executable, "-c", opened])
    scanned = [*verascope, "scan", "-q", "--exit-zero", "--format", "jsonl", str(picture)]
    scan = cpu_ms([*scanned, "--quality", "fast"])
    bare = "numpy, onnxruntime, the model opened"
    return [
        Row("verascope --help", cpu_ms([*verascope, "--help"]), "import click", click, 3),
        Row("verascope --version", cpu_ms([*verascope, "--version"]), "import click", click, 3),
        Row("process start to first image scored", scan, bare, session, 3),
        *_accurate_start(scanned),
    ]


def _accurate_start(scanned: list[str]) -> list[Row]:
    """The same with the accurate tier, where its encoder is installed."""
    folder = ImageClip().find()
    if folder is None:
        return []
    opened = f"import numpy, onnxruntime; onnxruntime.InferenceSession({str(folder / GRAPH)!r})"
    return [
        Row(
            "start to first image scored, accurate",
            cpu_ms([*scanned, "--quality", "accurate"]),
            "numpy, onnxruntime, the encoder opened",
            cpu_ms([sys.executable, "-c", opened]),
            3,
        )
    ]


def per_image(picture: Path) -> list[Row]:
    """A 1-megapixel JPEG, everything on one core."""
    data = picture.read_bytes()
    session = Session(ImageResidual().folder.graph(), ("CPUExecutionProvider",), 1)
    crops = native_crops(simplejpeg.decode_jpeg(data)).values
    assert len(crops) == len(POSITIONS)
    with Scanner(Settings(quality=Quality.FAST)) as scanner:
        measured = least_ms(
            {
                "decode": lambda: simplejpeg.decode_jpeg(data),
                "infer": lambda: session(crops),
                "scan": lambda: scanner.scan(picture),
            }
        )
    decode, infer = measured["decode"], measured["infer"]
    crop = f"{len(crops)} crops of {CROP}²"
    return [
        Row(
            "1 MP JPEG, scanned", measured["scan"], "bare decode + inference", decode + infer, 1.25
        ),
        Row(f"inference of {crop}", infer, "bare decode of the 1 MP JPEG", decode, 2),
        *_accurate(picture),
    ]


def _accurate(picture: Path) -> list[Row]:
    """The same with the accurate tier, where its encoder is installed."""
    detector = ImageClip()
    folder = detector.find()
    if folder is None:
        return []
    data, encoder = picture.read_bytes(), Encoder(folder)
    window = detector.windows(simplejpeg.decode_jpeg(data)).values
    with Scanner(Settings(quality=Quality.ACCURATE)) as scanner:
        measured = least_ms(
            {
                "decode": lambda: simplejpeg.decode_jpeg(data),
                "infer": lambda: encoder.taps(window),
                "scan": lambda: scanner.scan(picture),
            }
        )
    bare = measured["decode"] + measured["infer"]
    what = "1 MP JPEG, scanned, accurate"
    return [Row(what, measured["scan"], "bare decode + one encoder pass", bare, 1.25)]


def jpeg(height: int, width: int) -> bytes:
    """A photograph-like JPEG (quality 85, 4:2:0): 1/f noise, 3 to 4 bits a pixel."""
    random = np.random.default_rng(0)
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    falloff = 1 / np.maximum(np.hypot(fy, fx), 1 / max(height, width))
    planes = []
    for _ in range(3):
        spectrum = np.fft.fft2(random.normal(size=(height, width))) * falloff
        plane = np.fft.ifft2(spectrum).real
        planes.append(plane / plane.std() * 45 + 120 + random.normal(scale=6, size=plane.shape))
    pixels = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    encoded: bytes = simplejpeg.encode_jpeg(pixels, quality=85, colorsubsampling="420")
    return encoded


def cpu_ms(command: list[str]) -> float:
    """Processor time of a command and its children, in milliseconds: the least of some runs."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    once()  # fills the file cache and writes the byte code
    return 1000 * min(once() for _ in range(RUNS))


def least_ms(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least wall time of each call, in milliseconds; taken in turn, so that noise is shared."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            least[name] = min(least[name], 1000 * (time.perf_counter() - start))
    return least


def record(rows: list[Row]) -> dict[str, Any]:
    """The figures with the machine that gave them."""
    return {
        "machine": machine(),
        "rows": [{**row._asdict(), "ratio": round(row.ratio, 3)} for row in rows],
    }


def machine() -> dict[str, Any]:
    """Processor, and what decides its speed at integers."""
    told = Path("/proc/cpuinfo").read_text()
    names = [line for line in told.splitlines() if "model name" in line]
    return {
        "processor": names[0].split(":")[1].strip() if names else platform.processor(),
        "avx512_vnni": "avx512_vnni" in told,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
