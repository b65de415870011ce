"""Kernel ridge regression on an encoder's vectors: the head of the accurate tier, in closed form.

Vectors are standardised and brought to their principal components (randomised: Halko et al. 2011).
A Gaussian kernel against landmarks drawn from the training pictures (Nyström: Williams and Seeger
2001) makes the head's features, and ridge regression on the classes (Saunders et al. 1998) has one
solution, found without steps or rates. Views of one picture, clean and degraded, are held together
by a penalty on what the head makes of each beyond their mean: a consistency loss, quadratic too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from verascope.train.head_recipe import HeadRecipe

Vectors = NDArray[np.float32]
POWER_ITERATIONS = 6
JITTER = 1e-4  # on the diagonal, against landmarks that are nearly alike


@dataclass(frozen=True)
class KernelHead:
    """A fitted head: float32 [n, taps × width] → logits float32 [n], about −1 real to 1 synthetic.

    Attributes:
        mean, scale: float32 [d], of each number of a vector.
        components: float32 [d, k] of half precision's values, as the graph keeps them.
        landmarks: float32 [m, k], likewise.
        narrowness: of the kernel exp(−narrowness · squared distance).
        weights: float32 [m].
    """

    mean: Vectors
    scale: Vectors
    components: Vectors
    landmarks: Vectors
    narrowness: float
    weights: Vectors

    def __call__(self, vectors: Vectors) -> Vectors:
        """Logits of vectors [n, d]."""
        logits: Vectors = self.kernel(self.project(vectors)) @ self.weights
        return logits

    def project(self, vectors: Vectors) -> Vectors:
        """Principal components [n, k] of vectors [n, d]."""
        return np.asarray(((vectors - self.mean) / self.scale) @ self.components, np.float32)

    def kernel(self, points: Vectors) -> Vectors:
        """The kernel of points [n, k] against each landmark: [n, m], 0 to 1."""
        near: Vectors = np.exp(-self.narrowness * _squared(points, self.landmarks))
        return near


def classes(synthetic: NDArray[np.bool_]) -> Vectors:
    """Targets of the two classes: 1 for synthetic, −1 for real."""
    return np.where(synthetic, np.float32(1), np.float32(-1))


def fit(
    views: Sequence[Vectors],
    targets: NDArray[np.floating[Any]],
    weights: NDArray[np.floating[Any]],
    recipe: HeadRecipe,
) -> KernelHead:
    """The head that solves the recipe's regression on some pictures.

    Args:
        views: the same n pictures under each view, float32 [n, d].
        targets: float [n], what its logits shall be: see `classes`.
        weights: how much each picture counts, float [n].
        recipe: how many components and landmarks, and how strong the penalties are.
    """
    counts: Vectors = (weights * (len(weights) / weights.sum())).astype(np.float32)
    every = np.concatenate(views)
    share: Vectors = np.tile(counts, len(views)) / np.float32(len(views))
    mean = np.average(every, axis=0, weights=share).astype(np.float32)
    every -= mean
    scale: Vectors = np.sqrt(np.average(every**2, axis=0, weights=share)).astype(np.float32)
    scale += np.float32(1e-6)
    every /= scale
    components = _half(_principal(every, share, recipe))
    points = every @ components
    landmarks = _half(points[_drawn(len(views), counts, recipe)])
    narrowness = recipe.narrowness / float(np.mean((points**2).sum(1)))
    blank = np.zeros(len(landmarks), np.float32)
    head = KernelHead(mean, scale, components, landmarks, narrowness, blank)
    found = _solve(head, points.reshape(len(views), len(counts), -1), targets, counts, recipe)
    return KernelHead(mean, scale, components, landmarks, narrowness, found)


def _solve(
    head: KernelHead,
    points: Vectors,
    wanted: NDArray[np.floating[Any]],
    weights: Vectors,
    recipe: HeadRecipe,
) -> Vectors:
    """The weights of the landmarks that minimise error, inconsistency and size together.

    Σ w (f − t)² + consistency · Σ w (f − mean of f over views)² + ridge · |f|², t the target. In
    double precision: what single precision rounds off a kernel outweighs a small ridge.
    """
    precise = replace(head, landmarks=head.landmarks.astype(np.float64))
    kernels = np.stack([precise.kernel(view.astype(np.float64)) for view in points])
    targets = weights * wanted
    middle = kernels.mean(0)
    gram = np.zeros((len(head.landmarks),) * 2)
    for kernel in kernels:
        apart = kernel - middle
        gram += (kernel * weights[:, None]).T @ kernel / len(kernels)
        gram += recipe.consistency * (apart * weights[:, None]).T @ apart / len(kernels)
    gram += recipe.ridge * precise.kernel(precise.landmarks) + JITTER * np.eye(len(gram))
    found: Vectors = np.linalg.solve(gram, middle.T @ targets).astype(np.float32)
    return found


def _principal(every: Vectors, share: Vectors, recipe: HeadRecipe) -> Vectors:
    """The first principal directions: [d, k]."""
    most = min(recipe.components, *every.shape)
    found = randomized_svd(
        every * np.sqrt(share)[:, None],
        most,
        n_iter=POWER_ITERATIONS,
        random_state=recipe.seed,
    )
    return np.asarray(found[2].T, np.float32)


def _drawn(views: int, weights: Vectors, recipe: HeadRecipe) -> NDArray[np.int64]:
    """Which rows of all views become landmarks, views in turn: no picture twice before all once."""
    rng = np.random.default_rng(recipe.seed)
    n = len(weights)
    most = min(recipe.landmarks, views * n)
    shares = weights / weights.sum(dtype=np.float64)
    pictures = np.resize(rng.choice(n, min(most, n), replace=False, p=shares), most)
    turns = np.arange(most) % n + np.arange(most) // n
    return np.asarray(turns % views * n + pictures, np.int64)


def _half(values: Vectors) -> Vectors:
    """Rounded to what half precision holds, which is how the graph keeps them."""
    return values.astype(np.float16).astype(np.float32)


def _squared(points: Vectors, others: Vectors) -> Vectors:
    """Squared distances: [n, m]."""
    lengths = (points**2).sum(1)[:, None] + (others**2).sum(1)
    squared: Vectors = np.maximum(lengths - 2 * points @ others.T, 0)
    return squared
