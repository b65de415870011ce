"""How good a generator is, by measures that need no downloaded network; each with its floor.

The floor is the same measure between real pictures and other real pictures, as many of each:
what a perfect generator would get. None of this is an FID, which needs Inception's weights.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.generate.contract import Array, Data, Generator, Item, Sampler
from verascope.generate.features import NAME, Features, random_features, thumbnails
from verascope.generate.pairs import CANDIDATES, MIN_PILOT, Plan, first_pairs, reals
from verascope.generate.spectrum import WINDOW_PX, peak, radial_spectrum
from verascope.result import Modality

Floats: TypeAlias = NDArray[np.float64]
T = TypeVar("T")
NEIGHBOURS = 5  # Naeem 2020
FACTORS = (2, 4, 8)
FEW = 500  # density and coverage are rough below this


class Metric(Struct, frozen=True, kw_only=True):
    """A measure of made against real pictures, and of real against real ones."""

    value: float
    floor: float


class Evaluation(Struct, frozen=True, kw_only=True):
    """What `generate evaluate` prints.

    Attributes:
        pictures: how many of each set.
        features: what the features are that kid, density and coverage are taken on.
        spectrum_distance: between mean radial log10 spectra, L2 over 32 rings; 0 = alike.
        peaks_db: up-sampling peaks at factor 2, 4 and 8; the floor is the real pictures' own.
        kid: squared maximum mean discrepancy; around 0 = alike.
        density: how much made pictures lie where real ones do; 1 = as real ones.
        coverage: share of real pictures with a made one nearby; 1 = all modes are there.
        memorised: median distance of a made picture to the nearest training picture, and of a
            held-out real one; far below its floor = copies. None for a Transformer, which keeps
            its input, and where no picture is held out.
    """

    pictures: int
    features: str
    spectrum_distance: Metric
    peaks_db: dict[str, Metric]
    kid: Metric
    density: Metric
    coverage: Metric
    memorised: Metric | None


class Half(Data):
    """Every second item of some data, from the first or from the second on."""

    def __init__(self, data: Data, first: int) -> None:
        self._data, self._first = data, first

    @property
    def sha256(self) -> str:
        """Of the whole data."""
        return self._data.sha256

    def __len__(self) -> int:
        return (len(self._data) - self._first + 1) // 2

    def __getitem__(self, index: int) -> Item:
        return self._data[2 * index + self._first]


def evaluate(
    generator: Generator,
    train: Data,
    held_out: Data | None,
    *,
    count: int,
    seed: int,
    features: Features = random_features,
    features_name: str = NAME,
) -> Evaluation:
    """Measure a generator that has its weights.

    Args:
        generator: a Sampler or a Transformer.
        train: what it was trained on.
        held_out: real pictures that it never saw; None: every second picture of `train` stands in,
            and nothing is said of memorisation.
        count: pictures of each set, windows of at most 128 px.
        seed: of windows and samples.
        features: picture to vector, for kid, density and coverage.
        features_name: what to call them.

    Raises:
        UsageError: there are fewer than ten pictures to measure.
    """
    if generator.modality is not Modality.IMAGE:
        raise UsageError("evaluate measures pictures; of sound, see report.json in its run")
    base, other = (train, held_out) if held_out else (Half(train, 0), Half(train, 1))
    plan = Plan(count=count, seed=seed, max_side=WINDOW_PX)
    reference = [item.media for item in reals(generator, base, plan, range(CANDIDATES * count))]
    pairs = first_pairs(generator, other, plan, count)
    n = min(len(reference), len(pairs))
    if n < MIN_PILOT:
        raise UsageError(f"only {n} pictures can be measured, at least {MIN_PILOT} are needed")
    real = [pair[0].media for pair in pairs[:n]]
    made = [pair[1].media for pair in pairs[:n]]
    copies = held_out is not None and isinstance(generator, Sampler)
    return compare(reference[:n], real, made, features, features_name, memorised=copies)


def compare(
    reference: Sequence[Array],
    real: Sequence[Array],
    made: Sequence[Array],
    features: Features = random_features,
    features_name: str = NAME,
    *,
    memorised: bool = False,
) -> Evaluation:
    """Measure three sets of as many pictures: made against reference, its floor real against it."""
    a, b, c = (features(pictures) for pictures in (reference, real, made))
    mean, deviation = a.mean(0), a.std(0) + 1e-9
    a, b, c = ((x - mean) / deviation for x in (a, b, c))
    spread = [density_coverage(a, x) for x in (c, b)]
    result = Evaluation(
        pictures=len(made),
        features=features_name,
        spectrum_distance=_both(spectrum_distance, reference, made, real),
        peaks_db={
            str(factor): Metric(value=_peaks(made, factor), floor=_peaks(real, factor))
            for factor in FACTORS
        },
        kid=Metric(value=_round(kid(a, c)), floor=_round(kid(a, b))),
        density=Metric(value=_round(spread[0][0]), floor=_round(spread[1][0])),
        coverage=Metric(value=_round(spread[0][1]), floor=_round(spread[1][1])),
        memorised=None,
    )
    if not memorised:
        return result
    near = _both(nearest, thumbnails(reference), thumbnails(made), thumbnails(real))
    return msgspec.structs.replace(result, memorised=near)


def spectrum_distance(a: Sequence[Array], b: Sequence[Array]) -> float:
    """L2 distance of the mean radial log10 spectra of two sets."""
    first, second = (np.mean([radial_spectrum(p) for p in pictures], 0) for pictures in (a, b))
    return float(np.linalg.norm(first - second))


def kid(a: Floats, b: Floats) -> float:
    """Unbiased squared MMD with the kernel (x·y / d + 1)³.

    Bińkowski et al. 2018, arXiv 1801.01401.

    Args:
        a: features float64 [n, d].
        b: features float64 [m, d].
    """
    n, m, d = len(a), len(b), a.shape[1]
    aa, bb, ab = ((x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within_a = (aa.sum() - np.trace(aa)) / (n * (n - 1))
    within_b = (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within_a + within_b - 2 * ab.mean())


def density_coverage(real: Floats, made: Floats, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, arXiv 2002.09797, equations 4 and 5).

    Each real point has a ball that reaches to its k-th neighbour among the real ones.
    """
    k = min(k, len(real) - 1)
    radius = np.sort(distances(real, real), 1)[:, k]  # place 0 is the point itself
    inside = distances(real, made) < radius[:, None]
    return float(inside.sum() / (k * len(made))), float(inside.any(1).mean())


def nearest(reference: Floats, points: Floats) -> float:
    """Median distance of the points to the nearest of the reference."""
    return float(np.median(distances(points, reference).min(1)))


def distances(a: Floats, b: Floats) -> Floats:
    """Euclidean, float64 [n, m]."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _both(measure: Callable[[T, T], float], reference: T, made: T, real: T) -> Metric:
    return Metric(value=_round(measure(reference, made)), floor=_round(measure(reference, real)))


def _peaks(pictures: Sequence[Array], factor: int) -> float:
    return round(float(np.mean([peak(p, factor) for p in pictures])), 2)


def _round(value: float) -> float:
    return round(value, 4)
