"""Which items a training batch holds: balanced over class, style and source, pairs together.

A pooled score is driven by the largest sources and photographs are mostly real, so items are not
drawn alike: half of a batch is real, sources count with the square root of their size, and both
classes show the same mix of photographs, faces and other pictures.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verascope.train.corpora import Item


def weights(items: Sequence[Item]) -> NDArray[np.float64]:
    """The probability of each item to be drawn, within its class (each class sums to 1)."""
    per_source = Counter((item.row.label, item.row.source) for item in items)
    weight = np.array([per_source[item.row.label, item.row.source] ** -0.5 for item in items])
    labels = np.array([item.row.label for item in items])
    styles = np.array([item.style for item in items])
    for label in np.unique(labels):
        weight[labels == label] /= weight[labels == label].sum()
    for style, share in _common_mix(weight, labels, styles).items():
        for label in np.unique(labels):
            chosen = (labels == label) & (styles == style)
            if chosen.any():
                weight[chosen] *= share / weight[chosen].sum()
    for label in np.unique(labels):
        weight[labels == label] /= weight[labels == label].sum()
    return weight


def by_source(items: Sequence[Item], power: float) -> NDArray[np.float64]:
    """Weights with which each class counts 1, and its sources by a power of their size."""
    keys = [(item.row.label == "synthetic", item.row.source) for item in items]
    sizes = Counter(keys)
    found = np.array([sizes[key] ** (power - 1.0) for key in keys])
    made = np.array([key[0] for key in keys])
    for of_class in (made, ~made):
        found[of_class] /= found[of_class].sum()
    return found


class Sampler:
    """Draws the items of a batch; step and seed alone decide, so a resumed run draws alike."""

    def __init__(self, items: Sequence[Item], batch: int, seed: int) -> None:
        self.seed = seed
        self.batch = batch
        weight = weights(items)
        labels = np.array([item.row.label for item in items])
        self._classes = [np.flatnonzero(labels == label) for label in ("real", "synthetic")]
        self._weights = [weight[members] for members in self._classes]
        self._partners = _partners(items)

    def draw(self, step: int) -> list[tuple[int, int]]:
        """The batch of a step: (index of the item, seed of its degradation), half of each class.

        Where an item has a partner of the other class (same content, real and synthetic), both
        come together and share the seed, so that only the making differs between them.
        """
        rng = np.random.default_rng((self.seed, step))
        half = self.batch // 2
        real, synthetic = (
            rng.choice(members, half, p=weight)
            for members, weight in zip(self._classes, self._weights, strict=True)
        )
        drawn: list[tuple[int, int]] = []
        for pair in zip(real.tolist(), synthetic.tolist(), strict=True):
            seeds = [int(s) for s in rng.integers(0, 2**62, 2)]
            partner = next((p for p in map(self._partners.get, pair) if p), None)
            if partner is not None:
                pair, seeds = partner, [seeds[0], seeds[0]]
            drawn += zip(pair, seeds, strict=True)
        return drawn


def _common_mix(
    weight: NDArray[np.float64], labels: NDArray[np.str_], styles: NDArray[np.str_]
) -> dict[str, float]:
    """The mean share of each style over the classes."""
    classes = np.unique(labels)
    return {
        str(style): float(
            np.mean([weight[(labels == label) & (styles == style)].sum() for label in classes])
        )
        for style in np.unique(styles)
    }


def _partners(items: Sequence[Item]) -> dict[int, tuple[int, int]]:
    """Item to (real, synthetic) of the same content, where there are both."""
    groups: dict[str, dict[str, int]] = {}
    for index, item in enumerate(items):
        if item.row.pair:
            groups.setdefault(item.row.pair, {}).setdefault(item.row.label, index)
    found = ((g.get("real"), g.get("synthetic")) for g in groups.values())
    both = [(real, made) for real, made in found if real is not None and made is not None]
    return {member: pair for pair in both for member in pair}
