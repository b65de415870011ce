"""All Results of a run, counted; and the rows that the page shows, the most interesting first.

Memory holds the rows that are shown, whatever the number of Results.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from verascope.result import OperatingPoint, Result, Verdict

BINS = 40  # of the histogram of scores
FOLDERS = 50  # that are listed; the rest is summed up
RANK = {
    Verdict.SYNTHETIC: 4.0,
    Verdict.INCONCLUSIVE: 3.0,
    None: 2.0,
    Verdict.AUTHENTICATED: 1.0,
    Verdict.UNREMARKABLE: 0.0,
}
STATEMENTS = 6  # of a Result that the page shows


@dataclass
class Digest:
    """What a page says of a run.

    Attributes:
        total: Results counted.
        verdicts, reasons, actions, outcomes: how many came to what.
        folders: folder to how many came to which verdict, or to none.
        histogram: scored Results by verdict and bin of the score.
        points: the first detector's operating points.
        rows: those shown, in the order of the Results.
    """

    total: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    folders: dict[str, Counter[str]] = field(default_factory=dict)
    histogram: dict[str, list[int]] = field(default_factory=dict)
    points: tuple[OperatingPoint, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)


def digest(results: Iterable[Result], most_rows: int) -> Digest:
    """Count Results, and keep the rows of those that matter most.

    Args:
        results: in any order.
        most_rows: how many are shown.
    """
    found, kept = Digest(), list[tuple[float, float, int, dict[str, Any]]]()
    for number, result in enumerate(results):
        _count(found, result)
        entry = (RANK.get(result.verdict, 0.0), result.score or 0.0, -number, _row(result))
        if len(kept) < most_rows:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    found.rows = [row for _, _, _, row in sorted(kept, key=lambda entry: -entry[2])]
    return found


def folder_of(uri: str) -> str:
    """What the inputs of one source share: the archive, or the folder."""
    outer, mark, _ = uri.partition("#")
    return outer if mark else uri.rpartition("/")[0] or "."


def _count(found: Digest, result: Result) -> None:
    found.total += 1
    said = result.verdict or "not judged"
    found.verdicts[said] += 1
    if result.reason is not None:
        found.reasons[f"{result.status}: {result.reason}"] += 1
    if result.policy is not None:
        found.actions[result.policy.action] += 1
    if result.provenance is not None:
        found.outcomes[result.provenance.outcome] += 1
    folder = folder_of(result.input.uri)
    if folder not in found.folders and len(found.folders) >= FOLDERS:
        folder = "other folders"
    found.folders.setdefault(folder, Counter())[said] += 1
    if result.score is not None:
        bins = found.histogram.setdefault(said, [0] * BINS)
        bins[min(BINS - 1, int(result.score * BINS))] += 1
    if not found.points:
        found.points = result.operating_points


def _row(result: Result) -> dict[str, Any]:
    """What the page shows of one Result; empty values are left out."""
    low, high = result.interval or (None, None)
    row = {
        "uri": result.input.uri,
        "sha256": result.input.sha256,
        "folder": folder_of(result.input.uri),
        "verdict": result.verdict or result.status,
        "score": result.score,
        "low": low,
        "high": high,
        "credential": result.provenance.outcome if result.provenance else None,
        "reason": result.reason,
        "action": result.policy.action if result.policy else None,
        "rule": result.policy.rule if result.policy else None,
        "type": result.input.media_type,
        "size": _size(result),
        "said": [each.statement for each in result.evidence[:STATEMENTS]],
        "odd": [*([result.detail] if result.detail else []), *result.warnings],
    }
    return {key: value for key, value in row.items() if value not in (None, [], ())}


def _size(result: Result) -> str | None:
    if result.input.width is None:
        return None
    return f"{result.input.width} × {result.input.height}"
