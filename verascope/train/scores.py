"""Every item's logits as CSV, so that any figure of a card can be taken again."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verascope.train.report import Scored

SCORES = "scores.csv"


def write_scores(file: Path, splits: Sequence[tuple[str, dict[str, Scored]]]) -> None:
    """One row a file: what it is, and its logits under each protocol, out of fold on train."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        names = (
            "split",
            "path",
            "sha256",
            "label",
            "source",
            "generator",
            "kind",
            "headline",
            "fold",
        )
        out.writerow([*names, *splits[0][1]])
        for split, scored in splits:
            rows: dict[str, list[Any]] = {}
            for part in scored.values():
                for item, logit, fold in zip(part.items, part.logits, part.folds, strict=True):
                    row = item.row
                    facts = [
                        split,
                        row.path,
                        row.sha256,
                        row.label,
                        row.source,
                        row.generator,
                        row.kind,
                    ]
                    kept = rows.setdefault(row.path, [*facts, int(item.headline), int(fold)])
                    kept.append(f"{logit:.4f}")
            out.writerows(rows.values())
