"""The null of a corpus: how well its two classes part by file headers alone, content unseen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

FEATURES = ("bytes", "width", "height", "bytes_per_pixel", "format", "quantisation", "chroma")
FOLDS = 5


class Null(Struct, frozen=True, kw_only=True):
    """What headers tell of the label.

    Attributes:
        auroc: of a random forest on FEATURES, out of fold, pairs kept together.
        error: its standard error (Hanley and McNeil 1982).
        strongest: the feature that parts the classes best by itself, and its AUROC (0.5 to 1).
    """

    auroc: float
    error: float
    strongest: tuple[str, float]

    def above(self, limit: float) -> bool:
        """Whether the AUROC is over the limit, and over 0.5 by more than chance."""
        return self.auroc > limit and self.auroc - 1.96 * self.error > 0.5


def header_null(files: Sequence[Path], labels: Sequence[int], groups: Sequence[str]) -> Null | None:
    """The null of picture files; 1 = synthetic. None with fewer than five groups of each label.

    Files must carry no manifest and no metadata: on one class, those would be labels.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    y = np.asarray(labels)
    if min(len(set(np.asarray(groups)[y == label])) for label in (0, 1)) < FOLDS:
        return None
    x = np.stack([header(file) for file in files])
    # A forest on one thread: boosted trees on OpenMP took 15 times as long on a busy machine.
    model = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)
    scores = cross_val_predict(
        model, x, y, groups=groups, cv=GroupKFold(FOLDS), method="predict_proba"
    )[:, 1]
    auroc = float(roc_auc_score(y, scores))
    alone = [float(roc_auc_score(y, x[:, k])) for k in range(len(FEATURES))]
    alone = [max(a, 1 - a) for a in alone]
    best = int(np.argmax(alone))
    return Null(
        auroc=round(auroc, 4),
        error=round(_standard_error(auroc, int((y == 1).sum()), int((y == 0).sum())), 4),
        strongest=(FEATURES[best], round(alone[best], 4)),
    )


def header(file: Path) -> NDArray[np.float64]:
    """What a file's header tells, float64 [len(FEATURES)]."""
    size = file.stat().st_size
    with Image.open(file) as image:
        tables = getattr(image, "quantization", {})
        layers = getattr(image, "layer", [])
        chroma = layers[0][1] * layers[0][2] if layers else 0
        kind = ("JPEG", "PNG", "WEBP").index(image.format or "JPEG")
        width, height = image.size
    steps = sum(sum(table) for table in tables.values())
    return np.array([size, width, height, size / (width * height), kind, steps, chroma], float)


def _standard_error(auroc: float, positives: int, negatives: int) -> float:
    q1, q2 = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = auroc * (1 - auroc)
    variance += (positives - 1) * (q1 - auroc**2) + (negatives - 1) * (q2 - auroc**2)
    return float(np.sqrt(max(variance, 0) / (positives * negatives)))
