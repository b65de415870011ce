"""How well heat maps find a painted-over region: AUROC of patches inside it against those outside.

    verascope generate image --family inpainter --data CORPUS --out runs/inpainted --count 150
    python -m benchmarks.localisation runs/inpainted/corpus --json localisation.json

For each inpainted picture with its mask: the AUROC of its own patches, as they are and less what
the same patches of the untouched original say, which only who has the original can know. Chance is
0.5. The interval is over pictures.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verascope.detect.image_clip import SHIPPED, ImageClip
from verascope.detect.views import square
from verascope.train.corpora import Item, items_of, read_corpora
from verascope.train.evaluate import auroc, mean_of
from verascope.train.pixels import load

FEWEST = 3  # patches inside and outside; a smaller region is not seen through a patch


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = measure(ImageClip(asked.model), asked.corpus)
    print(json.dumps(found, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure(detector: ImageClip, corpus: Path) -> dict[str, Any]:
    """The figures over a corpus's inpainted pictures."""
    items = items_of(read_corpora([corpus], None))
    originals = {item.row.pair: item for item in items if item.row.label == "real"}
    maps, differences, whole = [], [], []
    for item in items:
        if not item.row.mask:
            continue
        inside = _patches_inside(corpus / item.row.mask)
        if min(inside.sum(), (~inside).sum()) < FEWEST:
            continue
        made, real = (_heat(detector, each) for each in (item, originals[item.row.pair]))
        maps.append(auroc(inside.ravel(), made.ravel()))
        differences.append(auroc(inside.ravel(), (made - real).ravel()))
        whole.append(float(made.mean() > real.mean()))
    return {
        "model": f"{detector.name} {detector.version}",
        "pictures": len(maps),
        "patches_alone": _plain(maps),
        "patches_against_the_original": _plain(differences),
        "pictures_that_score_above_their_original": _plain(whole),
    }


def _heat(detector: ImageClip, item: Item) -> NDArray[np.float64]:
    found = detector.heat(detector.windows(load(item)))
    assert found is not None, "the model has no head of patches"
    return found.logits.astype(np.float64)


def _patches_inside(mask: Path) -> NDArray[np.bool_]:
    """Which of 14 × 14 patches lie mostly inside the mask, in the window that the encoder sees."""
    with Image.open(mask) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    shown = square(pixels, 224)[..., 0] / 255
    return np.asarray(shown.reshape(14, 16, 14, 16).mean((1, 3)) > 0.5)


def _plain(values: list[float]) -> dict[str, Any]:
    figure = mean_of(np.array(values))
    return {"value": round(figure.value, 4), "interval": [round(v, 4) for v in figure.interval]}


if __name__ == "__main__":
    main()
