"""The null of a corpus: how well its two classes part by file headers alone, content unseen."""

import io
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

FEATURES = ("bytes", "width", "height", "bytes_per_pixel", "format", "quantisation", "chroma")
FOLDS = 5


class Null(Struct, frozen=True, kw_only=True):
    """What headers tell of the label.

    Attributes:
        auroc: of a random forest on the features, out of fold, pairs kept together.
        error: its standard error (Hanley and McNeil 1982).
        strongest: the feature that parts the classes best by itself, and its AUROC (0.5 to 1).
    """

    auroc: float
    error: float
    strongest: tuple[str, float]

    def above(self, limit: float) -> bool:
        """Whether the AUROC is over the limit, and over 0.5 by more than chance."""
        return self.auroc > limit and self.auroc - 1.96 * self.error > 0.5


def header_null(
    headers: NDArray[np.float64],
    labels: Sequence[int],
    groups: Sequence[str],
    features: Sequence[str] = FEATURES,
) -> Null | None:
    """The null of media files; 1 = made. None with fewer than five groups of each label.

    Args:
        headers: header() of each file, float64 [n, len(features)], taken without manifest and
            metadata: on one class, those would be labels.
        labels: of each file.
        groups: of each file; a group is never split over the folds.
        features: their names.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    y = np.asarray(labels)
    if min(len(set(np.asarray(groups)[y == label])) for label in (0, 1)) < FOLDS:
        return None
    # A forest on one thread: boosted trees on OpenMP took 15 times as long on a busy machine.
    model = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    scores = cross_val_predict(
        model, headers, y, groups=groups, cv=GroupKFold(FOLDS), method="predict_proba"
    )[:, 1]
    auroc = float(roc_auc_score(y, scores))
    alone = [float(roc_auc_score(y, headers[:, k])) for k in range(len(features))]
    alone = [max(a, 1 - a) for a in alone]
    best = int(np.argmax(alone))
    return Null(
        auroc=round(auroc, 4),
        error=round(_standard_error(auroc, int((y == 1).sum()), int((y == 0).sum())), 4),
        strongest=(features[best], round(alone[best], 4)),
    )


def header(content: bytes) -> list[float]:
    """What a picture file's header tells: one number for each of FEATURES."""
    size = len(content)
    with Image.open(io.BytesIO(content)) as image:
        tables = getattr(image, "quantization", {})
        layers = getattr(image, "layer", [])
        chroma = layers[0][1] * layers[0][2] if layers else 0
        kind = ("JPEG", "PNG", "WEBP").index(image.format or "JPEG")
        width, height = image.size
    steps = sum(sum(table) for table in tables.values())
    return [float(f) for f in (size, width, height, size / (width * height), kind, steps, chroma)]


def _standard_error(auroc: float, positives: int, negatives: int) -> float:
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = auroc * (1 - auroc)
    variance += (positives - 1) * (q1 - auroc**2) + (negatives - 1) * (q2 - auroc**2)
    return float(np.sqrt(max(variance, 0) / (positives * negatives)))
