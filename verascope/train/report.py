"""The figures that a model's card shows, from items and their logits."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from verascope.detect.calibration import Calibration
from verascope.result import OperatingPoint
from verascope.train import evaluate, nulls
from verascope.train.corpora import Item
from verascope.train.evaluate import Floats, figure, rate, standardised

FEWEST = 5  # items; a row of a table with fewer says nothing


class Scored:
    """Items with their pooled logits under one protocol; those too small to judge are left out.

    Attributes:
        folds: int [n], which model scored each item; all 0 for one model.
    """

    def __init__(
        self, items: Sequence[Item], logits: Floats, folds: NDArray[np.int64] | None = None
    ) -> None:
        kept = np.flatnonzero(np.isfinite(logits))
        self.items = [items[int(index)] for index in kept]
        self.logits = logits[kept]
        self.folds = np.zeros(len(kept), np.int64) if folds is None else folds[kept]
        self.synthetic = np.array([item.row.label != "real" for item in self.items], bool)
        self.sources = [item.row.source for item in self.items]

    @property
    def both(self) -> bool:
        """Whether both classes are there."""
        return bool(self.synthetic.any() and not self.synthetic.all())

    def only(self, keep: Callable[[Item], bool]) -> "Scored":
        """The items that a condition holds for."""
        chosen = np.array([keep(item) for item in self.items], bool)
        items = [item for item, kept in zip(self.items, chosen, strict=True) if kept]
        return Scored(items, self.logits[chosen], self.folds[chosen])


def figures(
    scored: dict[str, Scored],
    calibration: Calibration,
    points: Sequence[OperatingPoint],
    nulls_by_protocol: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Everything a card says of one set of items.

    Args:
        scored: the items by protocol; the headline protocol is the first.
        calibration: of the model.
        points: its operating points.
        nulls_by_protocol: figures of the null, where it was taken.
    """
    main = next(iter(scored.values()))
    counted = main.only(lambda item: item.headline)
    return {
        "discrimination": {
            name: discrimination(part) | nulls_by_protocol.get(name, {})
            for name, part in scored.items()
        },
        "calibration": reliability(counted, calibration),
        "real_logits": scales(counted),
        "auroc_by_style": {
            style: discrimination(part)["auroc"]
            for style in sorted({item.style for item in counted.items})
            if (part := counted.only(lambda i, s=style: i.style == s)).both  # type: ignore[misc]
        },
        "auroc_by_family": by_group(counted, lambda item: item.row.family or "unnamed"),
        "auroc_by_source": by_group(counted, lambda item: item.row.source),
        "false_positives": {
            name: flagged(part, calibration, points, lambda item: item.row.kind or "unnamed")
            for name, part in scored.items()
        },
        "false_positives_by_source": flagged(
            main, calibration, points, lambda item: item.row.source
        ),
        "found": {
            name: flagged(
                part.only(lambda item: item.headline),
                calibration,
                points,
                lambda item: item.row.family or "unnamed",
                "synthetic",
            )
            for name, part in scored.items()
        },
        "apart": by_group(
            main.only(lambda item: item.row.label == "real" or not item.headline),
            lambda item: item.apart,
        ),
    }


def scales(scored: Scored) -> dict[str, Any]:
    """Mean and deviation of the real items' logits, by the model that scored them.

    One calibration serves all fold models and the final one: as far as these differ, so do the
    rates that its thresholds hold.
    """
    real = ~scored.synthetic
    return {
        f"model {fold}": plain(
            {
                "mean": float(scored.logits[real & (scored.folds == fold)].mean()),
                "deviation": float(scored.logits[real & (scored.folds == fold)].std()),
            }
        )
        for fold in np.unique(scored.folds[real])
    }


def reliability(scored: Scored, calibration: Calibration) -> dict[str, Any]:
    """How far the calibrated scores are to be taken for probabilities, at a prior of one half."""
    scores = np.array([calibration(logit).score for logit in scored.logits])
    metrics = {"brier": evaluate.brier, "calibration_error": evaluate.calibration_error}
    found: dict[str, Any] = plain(
        {name: figure(m, scored.synthetic, scores, scored.sources) for name, m in metrics.items()}
    )
    return found


def discrimination(scored: Scored) -> dict[str, Any]:
    """AUROC, EER, TPR at 1 % and 5 % over the headline items, standardised by fold; AUROC raw too.

    With pairs, also how often the synthetic one of a real and synthetic twin scores higher; with
    sources that hold both classes, the mean AUROC inside them.
    """
    counted = scored.only(lambda item: item.headline)
    scores = standardised(counted.logits, counted.folds)
    found = evaluate.summary(counted.synthetic, scores, counted.sources)
    found["auroc_raw"] = figure(evaluate.auroc, counted.synthetic, counted.logits, counted.sources)
    wins = evaluate.paired(
        counted.synthetic, counted.logits, [item.row.pair for item in counted.items]
    )
    if len(wins) >= FEWEST:
        found["pairs"] = evaluate.mean_of(wins)
    inside = evaluate.within_sources(counted.synthetic, counted.logits, counted.sources)
    if len(inside) > 1:
        found["within_sources"] = evaluate.mean_of(np.array(list(inside.values())))
    rounded: dict[str, Any] = plain(found)
    return rounded


def null(
    scored: Scored, values: Floats, train: tuple[Floats, NDArray[np.bool_]] | None = None
) -> dict[str, Any]:
    """AUROC of the null on the same headline items, and how far the scores are above it.

    Args:
        scored: the items.
        values: their header features, one row an item of `scored`.
        train: features and classes to fit the null on; None fits it on the other folds.
    """
    return beside(scored, blind(scored, values, train))


def blind(
    scored: Scored, values: Floats, train: tuple[Floats, NDArray[np.bool_]] | None = None
) -> Floats:
    """The null's scores of the headline items; see `null`."""
    chosen = np.array([item.headline for item in scored.items], bool)
    made, folds = scored.synthetic[chosen], scored.folds[chosen]
    if train is None:
        return standardised(nulls.left_out(values[chosen], made, folds), folds)
    return nulls.transferred(*train, values[chosen])


def beside(scored: Scored, blind: Floats) -> dict[str, Any]:
    """AUROC of the null's scores, and how far those of the headline items are above it."""
    counted = scored.only(lambda item: item.headline)
    scores = standardised(counted.logits, counted.folds)
    return {
        "null": plain(figure(evaluate.auroc, counted.synthetic, blind, counted.sources)),
        "above_null": plain(evaluate.difference(counted.synthetic, scores, blind, counted.sources)),
    }


def by_group(scored: Scored, group: Callable[[Item], str]) -> dict[str, Any]:
    """AUROC of each group's synthetic items against all real ones."""
    names = sorted({group(item) for item in scored.items if item.row.label != "real"})
    found = {}
    for name in names:
        against = scored.only(lambda i, name=name: i.row.label == "real" or group(i) == name)  # type: ignore[misc]
        if int(against.synthetic.sum()) >= FEWEST and not against.synthetic.all():
            found[name] = plain(
                figure(evaluate.auroc, against.synthetic, against.logits, against.sources)
            )
    return found


def flagged(
    scored: Scored,
    calibration: Calibration,
    points: Sequence[OperatingPoint],
    group: Callable[[Item], str],
    label: str = "real",
) -> dict[str, Any]:
    """Of each group of one label (and of all): the share at or above each operating point."""
    of_label = scored.only(lambda item: item.row.label == label)
    counts = Counter(group(item) for item in of_label.items)
    found = {}
    for name in ["all", *sorted(counts)]:
        part = of_label if name == "all" else of_label.only(lambda i, n=name: group(i) == n)  # type: ignore[misc]
        if len(part.items) >= FEWEST:
            scores = np.array([calibration(logit).score for logit in part.logits])
            found[name] = {
                point.name: plain(rate(scores >= point.threshold, part.sources)) for point in points
            } | {"items": len(part.items), "sources": len(set(part.sources))}
    return found


def plain(value: Any) -> Any:
    """Structs to plain data, numbers rounded to four digits behind the point."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    return value
