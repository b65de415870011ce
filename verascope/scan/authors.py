"""Posts of one author to one Result: many short texts say together what none says alone.

The mean of k posts' logits spreads less than one post's does, by √((1 − ρ) / k + ρ) where posts of
one author resemble each other by ρ; with ρ = 0 that is the √k by which d′ grows (Sadasivan et al.
2023). So the mean is stretched by that factor about where people's posts lie, and is then judged by
the thresholds of one post. ρ is the share of the spread of people's logits that lies between
sources, the nearest thing to authors that the training corpora know.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

import msgspec

from verascope.detect import registry
from verascope.detect.evidence import reached
from verascope.detect.folder_detector import FolderDetector
from verascope.detect.model_folder import Posts
from verascope.errors import UsageError
from verascope.exchange import Reading, Stage
from verascope.judging import Judged, result_of
from verascope.result import (
    DetectorScore,
    Evidence,
    Modality,
    OperatingPoint,
    Reason,
    Result,
    Strength,
    Supports,
)

MOST_NEEDED = 1_000  # posts; where more would be needed, none are enough


@dataclass
class _Author:
    """What is known of one author: how many rows, and each detector's logits' number and sum."""

    rows: int = 0
    sums: dict[str, tuple[int, float]] = field(default_factory=dict)


class Authors:
    """Gathers Results of rows; memory grows with the number of authors, not of posts."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Author] = {}

    def add(self, result: Result) -> None:
        """Take the Result of one row into account; one without an author is nobody's."""
        author = result.input.author
        if author is None:
            return
        table = result.input.uri.partition("#")[0]
        entry = self._found.setdefault((table, author), _Author())
        entry.rows += 1
        for one in result.detectors:
            count, total = entry.sums.get(one.name, (0, 0.0))
            entry.sums[one.name] = count + 1, total + one.logit

    def results(self) -> Iterator[Result]:
        """One Result an author, in the order in which they first came."""
        for (table, author), entry in self._found.items():
            yield _result(f"{table}#author={author}", author, entry)


def stretched(mean: float, posts: int, known: Posts) -> float:
    """The logit of one post that is as far out as the mean of so many."""
    return known.mean + (mean - known.mean) / spread(posts, known)


def spread(posts: int, known: Posts) -> float:
    """How much the mean of so many posts spreads, of what one does."""
    return math.sqrt((1 - known.correlation) / posts + known.correlation)


def needed(mean: float, threshold: float, known: Posts) -> int | None:
    """How many posts with this mean reach a threshold on the logit; None: no number does."""
    if mean >= threshold:
        return 1
    if mean <= known.mean:
        return None
    least = ((mean - known.mean) / (threshold - known.mean)) ** 2  # of the squared spread
    if least <= known.correlation:
        return None
    posts = math.ceil((1 - known.correlation) / (least - known.correlation) - 1e-9)
    return posts if posts <= MOST_NEEDED else None


def _result(uri: str, author: str, entry: _Author) -> Result:
    """An author's Result; without any post that was judged, too short."""
    judged, told = [], []
    for name, (count, total) in entry.sums.items():
        detector, known = _detector(name)
        one = _judged(detector, stretched(total / count, count, known))
        judged.append(one)
        told.append(_evidence(one, entry.rows, count, total / count, known))
    reading = Reading(
        stage=Stage.DONE,
        modality=Modality.TEXT,
        reason=None if judged else Reason.TOO_SHORT,
        detail=None if judged else f"none of {entry.rows} posts could be judged",
    )
    result = result_of(reading, uri, judged, {})
    source = msgspec.structs.replace(result.input, part=f"author={author}", author=author)
    return msgspec.structs.replace(result, input=source, evidence=(*result.evidence, *told))


def _judged(detector: FolderDetector, logit: float) -> Judged:
    estimate = detector.calibrate(logit)
    point = reached(estimate.score, detector.operating_points)
    score = DetectorScore(
        name=detector.name,
        version=detector.version,
        sha256=detector.sha256,
        logit=logit,
        score=estimate.score,
        interval=estimate.interval,
        operating_point=point.name if point else None,
        segments=(),
    )
    return Judged(detector, score)  # type: ignore[arg-type]


def _evidence(one: Judged, rows: int, count: int, mean: float, known: Posts) -> Evidence:
    """How many posts it rests on, and how many with this mean would reach each point."""
    wanted = {point.name: needed(mean, _logit(one, point), known) for point in one.operating_points}
    words = "; ".join(
        f"the {name.replace('_', ' ')} point: {'no number' if count is None else count}"
        for name, count in wanted.items()
    )
    return Evidence(
        kind="author",
        supports=Supports.NEUTRAL,
        strength=Strength.WEAK,
        statement=(
            f"{one.score.name} judged {count} of {rows} posts. With this mean, so many posts "
            f"reach {words}."
        ),
        details={
            "detector": one.score.name,
            "posts": count,
            "rows": rows,
            "mean_logit": mean,
            "posts_needed": wanted,
            "correlation": known.correlation,
        },
    )


def _logit(one: Judged, point: OperatingPoint) -> float:
    """The logit at which the calibrated score reaches a point."""
    calibration = one.detector.folder.description.calibration  # type: ignore[attr-defined]
    return float(calibration.logit_at(point.threshold))


@cache
def _detector(name: str) -> tuple[FolderDetector, Posts]:
    """A detector, and what is known of posts' logits.

    Raises:
        UsageError: nothing is, so that posts cannot be put together.
    """
    detector = registry.create(name)
    known = detector.folder.description.posts if isinstance(detector, FolderDetector) else None
    if known is None or not isinstance(detector, FolderDetector):
        raise UsageError(f"{name} does not say how posts of one author go together")
    return detector, known


def gathered(results: Iterable[Result]) -> Iterator[Result]:
    """The Results of authors instead of those of their rows; others as they are."""
    authors = Authors()
    for result in results:
        if result.input.author is None:
            yield result
        else:
            authors.add(result)
    yield from authors.results()
