"""Fingerprints: how often strangers look alike, what a copy survives, what looking one up costs.

    python benchmarks/fingerprints.py ../shared/corpora/image [--json results.json]

A false match is a file whose fingerprint, in any of eight positions, is at most 31 bits from that
of a file of another origin. Files of one origin (crops of one picture, reconstructions of it) are
left out. Intervals are Wilson's, 95 %, over files.
"""

import argparse
import csv
import io
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from verascope.provenance.fingerprint import KINDS, Fingerprint, fingerprint, usable
from verascope.provenance.hamming import Hashes, Index, popcount
from verascope.result import Modality

MILLION = 1_000_000
LOOK_UPS = 20
COPIES = 400
Z = 1.959964
KIND = KINDS[Modality.IMAGE]


class File(NamedTuple):
    """A picture of the corpus: where it is, and what it was cut from or made of."""

    path: Path
    origin: str
    pair: str


class Share(NamedTuple):
    """How many of how many, with the interval of the share."""

    hits: int
    of: int

    def facts(self) -> dict[str, float]:
        """For JSON."""
        low, high = wilson(self.hits, self.of)
        return {**self._asdict(), "share": self.hits / self.of, "low": low, "high": high}


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    files = read(asked.corpus)
    taken = {file: fingerprint(_pixels(file.path), Modality.IMAGE) for file in files}
    kept = {file: print_ for file, print_ in taken.items() if usable(print_)}
    facts = {
        "usable": Share(len(kept), len(files)).facts(),
        "false_matches": false_matches(kept),
        "found_again": found_again(kept),
        "look_up": look_up(),
        "fingerprint_ms": fingerprint_ms(),
    }
    text = json.dumps(facts, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def read(corpus: Path) -> list[File]:
    """The files of a corpus that has a manifest."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        File(corpus / row["path"], row["origin"].partition("#")[0], row["pair"]) for row in rows
    ]


def false_matches(kept: dict[File, Fingerprint]) -> dict[str, Any]:
    """Every file against every other one, in all positions."""
    files = list(kept)
    index = Index(_first(kept.values()))
    alike: dict[tuple[int, int], int] = {}
    for number, file in enumerate(files):
        for hash_ in kept[file].hashes:
            for row, distance in index.near(hash_, KIND.max_distance):
                if not _related(file, files[row]):
                    pair = (min(number, row), max(number, row))
                    alike[pair] = min(distance, alike.get(pair, distance))
    concerned = {number for pair in alike for number in pair}
    return {
        "files": Share(len(concerned), len(files)).facts(),
        "pairs": Share(len(alike), len(files) * (len(files) - 1) // 2).facts(),
        "alike": [[files[a].path.name, files[b].path.name, near] for (a, b), near in alike.items()],
    }


def _related(one: File, other: File) -> bool:
    return one.origin == other.origin or (one.pair == other.pair != "")


def found_again(kept: dict[File, Fingerprint]) -> dict[str, dict[str, float]]:
    """For each kind of copy, how many are within the distance of what they were made from."""
    random = np.random.default_rng(16)
    files = list(kept)
    some = [files[row] for row in random.permutation(len(files))[:COPIES]]
    found = {}
    for name, change in CHANGES.items():
        near = [_distance(kept[file], change(Image.fromarray(_pixels(file.path)))) for file in some]
        hits = sum(distance <= KIND.max_distance for distance in near)
        found[name] = {**Share(hits, len(some)).facts(), "median": float(np.median(near))}
    return found


def _distance(original: Fingerprint, copy: Image.Image) -> int:
    asked = fingerprint(np.asarray(copy.convert("RGB")), Modality.IMAGE)
    positions = np.frombuffer(b"".join(asked.hashes), np.uint8).reshape(-1, 32)
    return int(popcount(positions ^ np.frombuffer(original.hashes[0], np.uint8)).min())


def _coded(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


def _platform(image: Image.Image) -> Image.Image:
    """As a platform does it; on a corpus of small crops, to two thirds of the size."""
    size = (image.width * 2 // 3, image.height * 2 // 3)
    return _coded(image.resize(size, Image.Resampling.LANCZOS), 75)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    """A frame taken off, so that `share` of width and height is gone."""
    x, y = round(image.width * share / 2), round(image.height * share / 2)
    return image.crop((x, y, image.width - x, image.height - y))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 30": lambda image: _coded(image, 30),
    "2/3 of the size, JPEG 75": _platform,
    "a quarter of the size": lambda image: image.resize((image.width // 4, image.height // 4)),
    "brighter by a fifth": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "mirrored": ImageOps.mirror,
    "turned by 90°": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "grey": lambda image: image.convert("L"),
    "2 % cropped": lambda image: _cropped(image, 0.02),
    "5 % cropped": lambda image: _cropped(image, 0.05),
    "10 % cropped": lambda image: _cropped(image, 0.1),
}


def look_up() -> dict[str, float]:
    """Milliseconds of processor time for one picture, in eight positions, among a million."""
    random = np.random.default_rng(16)
    hashes = random.integers(0, 256, (MILLION, 32), np.uint8)
    start = time.process_time()
    index = Index(hashes)
    build = time.process_time() - start
    asked = [random.integers(0, 256, (8, 32), np.uint8) for _ in range(LOOK_UPS)]
    bare = _least(lambda wanted: np.flatnonzero(popcount(hashes ^ wanted[0]) <= 31), asked)
    ours = _least(lambda wanted: [index.near(each.tobytes()) for each in wanted], asked)
    return {
        "bare_pass_ms": bare,
        "look_up_ms": ours,
        "ratio": ours / bare,
        "bar": 1.5,
        "index_ms": 1000 * build,
    }


def fingerprint_ms() -> dict[str, float]:
    """Milliseconds of processor time for one fingerprint, by size."""
    random = np.random.default_rng(16)
    facts = {}
    for width, height in ((512, 512), (1200, 800), (4000, 3000)):
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        facts[f"{width} × {height}"] = _least(
            lambda p: fingerprint(p, Modality.IMAGE), [pixels] * 5
        )
    return facts


def _of_picture(pixels: Hashes) -> Fingerprint:
    return fingerprint(pixels, Modality.IMAGE)


def _least(work: Callable[[Hashes], object], inputs: Iterable[Hashes]) -> float:
    times = []
    for each in inputs:
        start = time.process_time()
        work(each)
        times.append(time.process_time() - start)
    return 1000 * min(times)


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share, unit = count / of, Z * Z / of
    middle = (share + unit / 2) / (1 + unit)
    half = Z * (share * (1 - share) / of + unit / (4 * of)) ** 0.5 / (1 + unit)
    return max(0.0, middle - half), min(1.0, middle + half)


def _first(prints: Iterable[Fingerprint]) -> Hashes:
    return np.frombuffer(b"".join(each.hashes[0] for each in prints), np.uint8).reshape(-1, 32)


def _pixels(path: Path) -> Hashes:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


if __name__ == "__main__":
    main()
