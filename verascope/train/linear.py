"""Ridge regression on one vector of a picture (Hoerl and Kennard 1970)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

PENALTY = 0.1  # a part of the pictures' count times the vectors' length


@dataclass(frozen=True)
class Linear:
    """A linear head. Of a mean over patches it is the mean of what it says of each patch."""

    weights: NDArray[np.float32]
    bias: float

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [n] of vectors [n, width]."""
        logits: NDArray[np.float32] = vectors @ self.weights + np.float32(self.bias)
        return logits

    @classmethod
    def fit(
        cls,
        views: Sequence[NDArray[np.float32]],
        synthetic: NDArray[np.bool_],
        weights: NDArray[np.floating[Any]],
    ) -> "Linear":
        """Fit to the same pictures under each view: vectors [n, width], classes and weights [n]."""
        every = np.concatenate(views).astype(np.float64)
        share = np.tile(weights / weights.mean(), len(views))
        mean = np.average(every, axis=0, weights=share)
        scale = np.sqrt(np.average((every - mean) ** 2, axis=0, weights=share)) + 1e-6
        model = Ridge(alpha=PENALTY * len(every))
        model.fit((every - mean) / scale, np.tile(np.where(synthetic, 1, -1), len(views)), share)
        found = model.coef_ / scale
        return cls(found.astype(np.float32), float(model.intercept_ - mean @ found))
