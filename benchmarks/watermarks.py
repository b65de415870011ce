"""How often the invisible watermark's words are found where nobody wrote them, and what it costs.

python benchmarks/watermarks.py ../shared/corpora/image [--json results.json]
"""

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fingerprints import Share
from verascope.provenance.watermark import MIN_PIXELS, WORDS, _bits, matches, watermarks


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    text = json.dumps({"words": found(asked.corpus), "megapixel_ms": cost()}, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def found(corpus: Path) -> dict[str, Any]:
    """For each word and label: matches, and the most bits that any picture had."""
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    hits: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        with Image.open(corpus / row["path"]) as image:
            pixels = np.asarray(image.convert("RGB"))
        if pixels.shape[0] * pixels.shape[1] >= MIN_PIXELS:
            bits = _bits(pixels)
            for word in WORDS:
                hits.setdefault((word.program, row["label"]), []).append(matches(bits, word))
    least = {word.program: (word.least, len(word.bits)) for word in WORDS}
    return {
        f"{program}, {label}": {
            **Share(sum(each >= least[program][0] for each in found), len(found)).facts(),
            "most_bits": max(found),
            "of_bits": least[program][1],
        }
        for (program, label), found in hits.items()
    }


def cost() -> float:
    """Milliseconds of processor time for a megapixel."""
    pixels = np.random.default_rng(16).integers(0, 256, (1000, 1000, 3), np.uint8)
    times = []
    for _ in range(5):
        start = time.process_time()
        watermarks(pixels)
        times.append(time.process_time() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
