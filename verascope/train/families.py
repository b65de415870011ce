"""The family of generators that a picture's traces are nearest to: a hint, and its worth.

One more regression on the head's kernel, of synthetic pictures alone, each family counted alike
(ridge regression on indicators: Hastie, Tibshirani and Friedman 2009, 4.2). What a hint is worth is
measured where the picture's source was left out, by how far the first family is before the second.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.detect.model_folder import Families, HintBand
from verascope.train.corpora import Item
from verascope.train.evaluate import rate
from verascope.train.head_recipe import HeadRecipe
from verascope.train.kernel import JITTER, KernelHead, Vectors

FEWEST_SOURCES = 2  # of a family, so that one can be left out
BANDS = 3  # of equal size, by the lead of the first family


def names_of(items: Sequence[Item]) -> tuple[str, ...]:
    """The families that enough sources made pictures of."""
    of_family: dict[str, set[str]] = {}
    for item in items:
        if item.row.label == "synthetic" and item.row.family:
            of_family.setdefault(item.row.family, set()).add(item.row.source)
    return tuple(sorted(f for f, sources in of_family.items() if len(sources) >= FEWEST_SOURCES))


def fit(
    head: KernelHead,
    views: Sequence[Vectors],
    items: Sequence[Item],
    names: tuple[str, ...],
    weights: NDArray[np.floating[Any]],
    recipe: HeadRecipe,
) -> Vectors:
    """What each landmark says for each family: float32 [m, families].

    Args:
        head: whose kernel is used.
        views: the same n pictures under each view, float32 [n, d].
        items: the pictures; real ones and those of other families do not count.
        names: of the families.
        weights: how much each picture counts within its family, float [n].
        recipe: of the head.
    """
    counts = np.zeros(len(items))
    targets = np.full((len(items), len(names)), -1.0)
    for place, name in enumerate(names):
        chosen = np.array([_family(item) == name for item in items])
        targets[chosen, place] = 1
        if chosen.any():
            counts[chosen] = weights[chosen] / weights[chosen].sum()
    counts *= (counts > 0).sum() / counts.sum()
    gram = recipe.ridge * head.kernel(head.landmarks) + JITTER * np.eye(len(head.landmarks))
    wanted = np.zeros((len(head.landmarks), len(names)))
    for view in views:
        weighed = (near := head.kernel(head.project(view))) * counts[:, None] / len(views)
        gram = gram + weighed.T @ near
        wanted += weighed.T @ targets
    found: Vectors = np.linalg.solve(gram, wanted).astype(np.float32)
    return found


def worth(
    names: tuple[str, ...], items: Sequence[Item], scores: NDArray[np.float64]
) -> Families | None:
    """How often a hint is right where the source was left out, by the lead of the first family.

    Args:
        names: of the families.
        items: pictures, of which the synthetic ones of these families count.
        scores: what heads that never saw their sources say for each family, [n, families].
    """
    counted = [k for k, item in enumerate(items) if _family(item) in names]
    if len(names) < 2 or len(counted) < BANDS:
        return None
    said = scores[counted]
    truth = np.array([names.index(_family(items[k])) for k in counted])
    sources = np.array([items[k].row.source for k in counted])
    right = said.argmax(1) == truth
    ranked = np.sort(said, axis=1)
    lead = ranked[:, -1] - ranked[:, -2]
    edges = [float(np.quantile(lead, k / BANDS)) if k else 0.0 for k in range(BANDS)]
    bands = []
    for low, high in zip(edges, [*edges[1:], np.inf], strict=True):
        within = (lead >= low) & (lead < high)
        if within.any():
            share = rate(right[within], sources[within].tolist())
            bands.append(
                HintBand(
                    least_lead=low,
                    right=share.value,
                    interval=share.interval,
                    pictures=int(within.sum()),
                )
            )
    commonest = Counter(truth.tolist()).most_common(1)[0][1]
    recalls = [float(right[truth == k].mean()) for k in sorted(set(truth.tolist()))]
    return Families(
        names=names,
        bands=tuple(bands),
        right=float(right.mean()),
        commonest=commonest / len(truth),
        balanced=float(np.mean(recalls)),
    )


def _family(item: Item) -> str:
    return item.row.family if item.row.label == "synthetic" and item.headline else ""
