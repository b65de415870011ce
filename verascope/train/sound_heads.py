"""Heads on frozen encoders of sound, fitted together: what is scored is the mean of their logits.

With teachers the targets are mixed with their logits (distillation: Hinton et al. 2015), each from
heads that never saw the recording's source, and all fitted on the pupil's own training recordings:
nothing of a left-out source reaches the pupil.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.train import folds, kernel
from verascope.train.corpora import Item
from verascope.train.kernel import KernelHead, Vectors
from verascope.train.sampling import by_source
from verascope.train.sound_recipe import HeadPart, SoundRecipe
from verascope.train.sound_views import HEADLINE

TEACHING = 0.7  # mean size of a teacher's logit among the targets, where a label is ±1
MOST = 1.5  # of a teacher's logit
WRITTEN = "corpus.json"  # what `verascope generate corpus` leaves in a corpus that is finished


class Material(NamedTuple):
    """What heads are fitted on.

    Attributes:
        items: recordings.
        vectors: by head and view, float32 [n, width], for all of the items.
    """

    items: list[Item]
    vectors: Mapping[tuple[HeadPart, str], Vectors]

    def at(self, chosen: NDArray[np.int64]) -> "Material":
        """Some of the items."""
        items = [self.items[k] for k in chosen]
        return Material(items, {key: rows[chosen] for key, rows in self.vectors.items()})

    @property
    def synthetic(self) -> NDArray[np.bool_]:
        """Which items are synthetic."""
        return np.array([item.row.label == "synthetic" for item in self.items])


class Heads(NamedTuple):
    """Fitted heads; called with a view's vectors by head, they give the mean of their logits."""

    fitted: Mapping[HeadPart, KernelHead]

    def __call__(self, material: Material, view: str) -> NDArray[np.float64]:
        """Logits of all items under a view: float64 [n]."""
        said = [head(material.vectors[part, view]) for part, head in self.fitted.items()]
        logits: NDArray[np.float64] = np.mean(said, axis=0, dtype=np.float64)
        return logits


def fit(material: Material, recipe: SoundRecipe) -> Heads:
    """The recipe's heads, fitted on all of the material.

    Raises:
        UsageError: with teachers, a class has too few sources to leave some out.
    """
    targets = kernel.classes(material.synthetic)
    if recipe.teachers:
        taught = _taught(material, recipe)
        targets = np.float32(1 - recipe.taught) * targets + np.float32(recipe.taught) * taught
    return _fit(material, recipe, recipe.heads, targets)


def is_built_in(item: Item) -> bool:
    """Whether it is of a corpus that our own generators wrote, the originals of twins included."""
    return bool(item.row.config_sha256) or _written_by_us(item.file.parent)


@cache
def _written_by_us(folder: Path) -> bool:
    """Whether a corpus of `verascope generate` begins at a folder or up to two above it."""
    return any((above / WRITTEN).is_file() for above in (folder, *folder.parents[:2]))


def _fit(
    material: Material, recipe: SoundRecipe, parts: Sequence[HeadPart], targets: Vectors
) -> Heads:
    weights = _weights(material, recipe)
    fitted = {}
    for part in parts:
        views = [material.vectors[part, view] for view in recipe.views]
        fitted[part] = kernel.fit(views, targets, weights, recipe.of(part))
    return Heads(fitted)


def _weights(material: Material, recipe: SoundRecipe) -> NDArray[np.float64]:
    """Each class 1, its sources by the power of their size; our own recordings their share."""
    weights = np.zeros(len(material.items))
    own = np.array([is_built_in(item) for item in material.items])
    for chosen in (own, ~own):
        if chosen.any():
            items = [material.items[k] for k in np.flatnonzero(chosen)]
            weights[chosen] = by_source(items, recipe.balance)
    for of_class in (material.synthetic, ~material.synthetic):
        if (own & of_class).any() and (~own & of_class).any():
            weights[own & of_class] *= recipe.built_in
            weights[~own & of_class] *= 1 - recipe.built_in
    return weights


def _taught(material: Material, recipe: SoundRecipe) -> Vectors:
    """The teachers' logits of the recordings as they are, each by heads without its source."""
    found = np.empty(len(material.items))
    left_out = folds.assign(material.items, recipe.folds - 1)
    folds.check(material.items, left_out)
    labels = kernel.classes(material.synthetic)
    for fold in np.unique(left_out):
        kept, held = np.flatnonzero(left_out != fold), np.flatnonzero(left_out == fold)
        heads = _fit(material.at(kept), recipe, recipe.teachers, labels[kept])
        found[held] = heads(material.at(held), HEADLINE)
    scaled = found * (TEACHING / np.abs(found).mean())
    targets: Vectors = np.clip(scaled, -MOST, MOST).astype(np.float32)
    return targets
