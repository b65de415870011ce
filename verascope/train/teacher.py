"""What the accurate tier says of training pictures, as targets for the fast one.

Distillation (Hinton et al. 2015, arXiv 1503.02531): the small network learns the large one's
probabilities beside the labels. A teacher that was fitted on a picture only repeats its label, so
each target comes from a head that never saw the picture's source; and all of these heads are
fitted on the student's own training pictures, so that nothing of a left-out source reaches it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verascope.detect.encoder import Encoder
from verascope.train import calibrate, folds, kernel
from verascope.train.corpora import Item
from verascope.train.features import FeatureStore
from verascope.train.head_recipe import RECIPES, HeadRecipe, chosen_taps
from verascope.train.sampling import by_source

INNER = 3  # folds of the training sources


@dataclass(frozen=True)
class Teacher:
    """An encoder and the recipe of the heads that teach.

    Attributes:
        encoder: installed.
        features: folder that keeps the encoder's vectors.
        recipe: of the heads.
    """

    encoder: Encoder
    features: Path
    recipe: HeadRecipe = RECIPES["default"]

    def targets(self, items: list[Item]) -> NDArray[np.float32]:
        """The probability that each picture is synthetic, float32 [n], 0 to 1.

        The mean logit over the recipe's views, brought to probabilities by Platt's map.

        Raises:
            UsageError: a class has too few sources to leave some out.
        """
        given = self.encoder.description.taps
        rows = [given.index(tap) for tap in chosen_taps(self.recipe, given)]
        with FeatureStore(self.encoder, self.features) as store:
            views = [
                store.taps(items, view, rows).reshape(len(items), -1) for view in self.recipe.views
            ]
        synthetic = np.array([item.row.label == "synthetic" for item in items])
        weights = by_source(items, self.recipe.balance)
        logits = np.empty(len(items))
        left_out = folds.assign(items, INNER)
        folds.check(items, left_out)
        for fold in range(INNER):
            kept, held = left_out != fold, left_out == fold
            seen = [view[kept] for view in views]
            head = kernel.fit(seen, kernel.classes(synthetic[kept]), weights[kept], self.recipe)
            logits[held] = np.mean([head(view[held]) for view in views], axis=0)
        slope, intercept = calibrate.platt(synthetic, logits, weights)
        return np.asarray(1 / (1 + np.exp(-slope * logits - intercept)), np.float32)
