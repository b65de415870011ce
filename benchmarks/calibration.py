"""Thresholds on a user's own real files: what they hold, on pictures that no model was trained on.

    python benchmarks/calibration.py [--json results.json]

Reads the logits of benchmarks/results/image-clip-scores.csv: of the accurate model on sources left
out of training, by benchmarks/image.py. "Further files" are those of the same sources that did not
set the thresholds; ranges hold 95 % of the draws.
"""

import argparse
import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.detect.conformal import (
    LEAST_ITEMS,
    POINTS,
    Floats,
    left_out,
    operating_points,
    threshold_at,
)
from verascope.detect.image_residual import SHIPPED
from verascope.detect.model_folder import ModelFolder

SCORES = Path(__file__).parent / "results" / "image-clip-scores.csv"
DRAWS = 1000
FILES = (100, 300, 1000)  # that set the thresholds


class Scored(NamedTuple):
    """Calibrated scores float [n], and the source of each."""

    scores: Floats
    sources: NDArray[np.str_]


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    real, made = read("real"), read("synthetic", "dev")
    facts = {
        "real": len(real.scores),
        "sources": len(set(real.sources)),
        "further_files": [further(real.scores, count) for count in FILES],
        "new_source": {name: new_source(real, allowed) for name, allowed in POINTS},
        "own_source": own_source(real, made.scores),
    }
    text = json.dumps(facts, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


def read(label: str, split: str = "") -> Scored:
    """The pictures of a label (and split) that the headline figures are of."""
    curve = ModelFolder(SHIPPED.with_name("image-clip")).description.calibration
    with SCORES.open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["label"] == label and row["headline"] == "1" and row["split"].startswith(split)
        ]
    scores = np.array([curve(float(row["equal-crops"])).score for row in rows])
    return Scored(scores, np.array([row["source"] for row in rows]))


def further(scores: Floats, count: int) -> dict[str, Any]:
    """Thresholds by so many files drawn from all; what further ones do there."""
    chance = np.random.default_rng(0)
    found: dict[str, dict[str, list[float]]] = {
        name: {"ours": [], "plain": []} for name, _ in POINTS
    }
    for _ in range(DRAWS):
        mixed = chance.permutation(scores)
        own, rest = mixed[:count], mixed[count:]
        for name, allowed in POINTS:
            thresholds = {
                "ours": threshold_at(own, allowed),
                "plain": float(np.quantile(own, 1 - allowed)),
            }
            for how, threshold in thresholds.items():
                found[name][how].append(float((rest >= threshold).mean()))
    told = {name: {how: _spread(rates) for how, rates in by.items()} for name, by in found.items()}
    return {"files": count, **told}


def new_source(real: Scored, allowed: float) -> dict[str, Any]:
    """Each source at the threshold that all the others set."""
    shares = left_out(real.scores, real.sources.tolist(), allowed)
    counts = Counter(real.sources.tolist())
    known = {name: share for name, share in shares.items() if share is not None}
    pooled = sum(counts[name] * share for name, share in known.items()) / len(real.scores)
    worst = max(known, key=lambda name: (counts[name] >= 20) * known[name])
    return {
        "pooled": round(pooled, 4),
        "worst_of_20_or_more": {worst: round(known[worst], 4), "items": counts[worst]},
    }


def own_source(real: Scored, made: Floats) -> list[dict[str, Any]]:
    """A hundred files of one source set the thresholds: its further ones, and synthetic ones."""
    model = ModelFolder(SHIPPED.with_name("image-clip")).description.operating_points
    rows = []
    for source, count in Counter(real.sources.tolist()).most_common():
        if count <= LEAST_ITEMS:
            break
        scores, chance = real.scores[real.sources == source], np.random.default_rng(0)
        row: dict[str, Any] = {"source": source, "files": count}
        for point in model:
            row[point.name] = {
                "by_the_model": {
                    "real": round(float((scores >= point.threshold).mean()), 4),
                    "synthetic": round(float((made >= point.threshold).mean()), 4),
                }
            }
        reached: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in POINTS}
        for _ in range(DRAWS):
            mixed = chance.permutation(scores)
            own, rest = mixed[:LEAST_ITEMS], mixed[LEAST_ITEMS:]
            for point in operating_points(own, [source] * LEAST_ITEMS):
                share = float((rest >= point.threshold).mean())
                reached[point.name].append((share, float((made >= point.threshold).mean())))
        for name, pairs in reached.items():
            false, true = np.mean(pairs, axis=0).round(4).tolist()
            row[name]["by_its_own"] = {"real": false, "synthetic": true}
        rows.append(row)
    return rows


def _spread(rates: list[float]) -> dict[str, float]:
    low, high = np.quantile(rates, (0.025, 0.975))
    return {
        "mean": round(float(np.mean(rates)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


if __name__ == "__main__":
    main()
