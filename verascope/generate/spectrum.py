"""How far generated pictures stand from real ones in the spectrum, without any downloaded network.

Two measures: a linear model on radial log-spectra (can it tell the two apart?), and the peaks that
an up-sampler leaves at multiples of 1/factor (Odena 2016; Zhang 2019, arXiv 1907.06515; Durall
2020, arXiv 2003.01826; Frank 2020, arXiv 2003.08685).
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.generate.contract import Array

BINS = 32
WINDOW_PX = 128  # centre window on which spectra are taken; pictures smaller than it use their own
RING = 6  # half the side of the neighbourhood that a peak is compared with
FOLDS = 5


class SelfTest(Struct, frozen=True, kw_only=True):
    """A generator's output against real pictures.

    Attributes:
        pictures: how many of each.
        psnr_db: mean over pairs; None where nothing is paired.
        spectrum_auroc: of a linear model on radial log-spectra, cross-validated with pairs kept
            together; 0.5 = cannot tell them apart, 1 = always can.
        spectrum_floor: the same between two halves of the real pictures.
        peak_db: mean up-sampling peak of the generated pictures over the real ones' (factor 2).
    """

    pictures: int
    psnr_db: float | None
    spectrum_auroc: float
    spectrum_floor: float
    peak_db: float


def self_test(real: Sequence[Array], made: Sequence[Array], *, paired: bool) -> SelfTest:
    """Measure generated pictures against as many real ones (uint8 [h, w, 3], any sizes)."""
    psnrs = [psnr(a, b) for a, b in zip(real, made, strict=True)] if paired else []
    half = len(real) // 2
    return SelfTest(
        pictures=len(made),
        psnr_db=round(float(np.mean(psnrs)), 2) if psnrs else None,
        spectrum_auroc=round(spectrum_auroc(real, made), 4),
        spectrum_floor=round(spectrum_auroc(real[:half], real[half : 2 * half]), 4),
        peak_db=round(
            float(np.mean([peak(p) for p in made]) - np.mean([peak(p) for p in real])), 2
        ),
    )


def psnr(a: Array, b: Array) -> float:
    """Peak signal-to-noise ratio between two uint8 pictures of one size, dB; at most 99."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return min(99.0, float(10 * np.log10(255**2 / error))) if error else 99.0


def spectrum_auroc(real: Sequence[Array], made: Sequence[Array]) -> float:
    """How well logistic regression on radial log-spectra tells the two sets apart, out of fold."""
    return linear_auroc(*(np.stack([radial_spectrum(p) for p in set_]) for set_ in (real, made)))


def linear_auroc(real: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """How well logistic regression on features [n, d] tells the two sets apart, out of fold.

    Row k of one set and row k of the other lie in the same fold.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n = min(len(real), len(made))
    features = np.concatenate([real[:n], made[:n]])
    labels, groups = np.repeat([0, 1], n), np.tile(np.arange(n), 2)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = GroupKFold(min(FOLDS, n))
    scores = cross_val_predict(
        model, features, labels, groups=groups, cv=folds, method="decision_function"
    )
    return float(roc_auc_score(labels, scores))


def radial_spectrum(picture: Array) -> NDArray[np.float64]:
    """Mean log10 power in 32 rings from zero frequency to Nyquist: float64 [32]."""
    power = _power(_grey(picture))
    v, u = (np.fft.fftfreq(side)[:, None] for side in power.shape)
    radius = np.hypot(v, u.T)
    ring = np.minimum((radius / 0.5 * BINS).astype(int), BINS)  # corners fall into ring 32
    sums = np.bincount(ring.ravel(), np.log10(power + 1e-12).ravel(), BINS + 1)
    return sums[:BINS] / np.maximum(np.bincount(ring.ravel(), minlength=BINS + 1)[:BINS], 1)


def peak(picture: Array, factor: int = 2) -> float:
    """Log power (dB) at multiples of 1/factor over the median of the neighbourhood, averaged.

    Taken on the residual picture − 3×3 binomial blur.
    """
    grey = _grey(picture)
    height, width = (side - side % factor for side in grey.shape)
    power = 10 * np.log10(_power(_residual(grey[:height, :width])) + 1e-12)
    peaks = []
    for i in range(factor):
        for j in range(factor):
            if i or j:
                y, x = i * height // factor, j * width // factor
                rows = np.arange(y - RING, y + RING + 1) % height
                columns = np.arange(x - RING, x + RING + 1) % width
                peaks.append(power[y, x] - np.median(power[np.ix_(rows, columns)]))
    return float(np.mean(peaks))


def _grey(picture: Array) -> NDArray[np.float64]:
    side_y, side_x = (min(WINDOW_PX, side) for side in picture.shape[:2])
    y, x = (picture.shape[0] - side_y) // 2, (picture.shape[1] - side_x) // 2
    window = picture[y : y + side_y, x : x + side_x].astype(np.float64) / 255
    return np.asarray(window @ np.array([0.299, 0.587, 0.114]))


def _residual(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(grey, 1, mode="reflect")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray(grey - (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4)


def _power(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    return np.asarray(np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2)
