"""The null: what a model that never sees the content reaches under the same protocol.

Corpora differ between classes in size, format and compressibility for reasons that are not
synthesis. Bagged trees over those numbers alone say how much of a score they explain; a
score that does not beat its null is not a score.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from verascope.train.degrade import Pixels
from verascope.train.evaluate import Floats
from verascope.train.pixels import PixelStore
from verascope.train.protocols import shown_bytes

FEATURES = ("width", "height", "aspect", "bytes", "bytes_per_pixel")
TREES = 200
SMALLEST_LEAF = 3


def features(pixels: Pixels, protocol: str, stored_bytes: int) -> list[float]:
    """FEATURES of the file that the protocol makes of a picture.

    Args:
        pixels: of the picture.
        protocol: as in `protocols.PROTOCOLS`.
        stored_bytes: of the corpus's own file, which is what `as-is` shows.
    """
    shown, size = shown_bytes(pixels, protocol) if protocol != "as-is" else (pixels, stored_bytes)
    height, width = shown.shape[:2]
    return [width, height, width / height, size, size / (width * height)]


def table(store: PixelStore, chosen: Sequence[int], protocol: str) -> Floats:
    """The features of many items: float64 [n, 5]."""
    sizes = (store.items[index].place.size for index in chosen)
    return np.array(
        [features(store[i], protocol, size) for i, size in zip(chosen, sizes, strict=True)]
    )


def left_out(
    values: Floats, synthetic: NDArray[np.bool_], folds: NDArray[np.int64], seed: int = 0
) -> Floats:
    """Each item's score by a null that was fitted on the other folds."""
    scores = np.empty(len(values))
    for fold in np.unique(folds):
        held = folds == fold
        scores[held] = transferred(values[~held], synthetic[~held], values[held], seed)
    return scores


def transferred(
    values: Floats, synthetic: NDArray[np.bool_], others: Floats, seed: int = 0
) -> Floats:
    """The scores of `others` by a null fitted on `values`."""
    forest = RandomForestClassifier(
        TREES, min_samples_leaf=SMALLEST_LEAF, class_weight="balanced", random_state=seed
    )
    forest.fit(values, synthetic)
    scores: Floats = forest.predict_proba(others)[:, 1]
    return scores
