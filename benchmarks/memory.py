"""Peak memory of the worker that reads a picture, by format, beside the bars of the design.

    python benchmarks/memory.py [--json results.json]

Each picture is read by a fresh worker; what counts is its resident high-water mark. Linux only.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from verascope.result import Status
from verascope.scanner import Scanner

COMMON, LIMIT = (6000, 4000), (9990, 9990)  # 24 and 99.8 megapixels
BARS_MB = {COMMON: 300, LIMIT: 900}
SAVED: dict[str, dict[str, Any]] = {
    "baseline.jpg": {"quality": 85},
    "progressive.jpg": {"quality": 85, "progressive": True},
    "rgb.png": {"compress_level": 1},
    "lossy.webp": {"quality": 80, "method": 0},
    "raw.tif": {},
    "rgb.bmp": {},
}


class Row(NamedTuple):
    """One picture: its format, its megapixels, the worker's peak and the bar for its size."""

    picture: str
    megapixels: float
    peak_mb: float
    bar_mb: int


def main() -> None:
    """Measure, print a table, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write the figures there")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size, bar in BARS_MB.items():
            picture = photograph(*size)
            for name, options in SAVED.items():
                path = Path(folder) / name
                picture.save(path, **options)
                rows.append(Row(name, size[0] * size[1] / 1e6, peak_mb(path), bar))
                path.unlink()
    for row in rows:
        mark = "" if row.peak_mb <= row.bar_mb else "  OVER"
        print(
            f"{row.picture:<16} {row.megapixels:6.1f} MP {row.peak_mb:7.0f} MB  "
            f"bar {row.bar_mb}{mark}"
        )
    if asked.json:
        asked.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")


def photograph(width: int, height: int) -> Image.Image:
    """A smooth picture with some grain, quick to make at any size."""
    random = np.random.default_rng(0)
    small = Image.fromarray(random.integers(0, 256, (height // 50, width // 50, 3), np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR)).copy()
    pixels += random.integers(0, 6, (height, 1, 3), np.uint8)  # wraps around now and then
    return Image.fromarray(pixels)


def peak_mb(path: Path) -> float:
    """The high-water mark of a worker that read this one file, in megabytes."""
    with Scanner() as scanner:
        result = scanner.scan(path)
        assert result.status is Status.SCORED, result
        worker = scanner._sandbox._worker
        assert worker is not None
        status = Path(f"/proc/{worker._process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return round(int(found[1]) / 1000, 1)


if __name__ == "__main__":
    main()
