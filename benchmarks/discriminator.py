"""A GAN's own discriminator as a detector, and as the first weights of one: AUROC, three folds.

    python -m benchmarks.discriminator --corpus ../shared/corpora/image --out RUNS --json FILE

For each fold of sources a DCGAN is trained on the real pictures of the others; then, with the same
data, steps and seed, its discriminator as it is, trained on from its weights, trained from random
ones, and the fast tier's network. Pictures of the fold's sources are scored: none of the four has
seen them. Equal crops, social media's quality; pooled over folds, intervals over sources.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from verascope.generate.contract import Budget, Item
from verascope.generate.data import Listed
from verascope.generate.dcgan import Dcgan, DcganConfig
from verascope.generate.device import pick, set_threads
from verascope.train import corpora, evaluate, nulls
from verascope.train.corpora import headline, items_of, read_corpora
from verascope.train.export import torch_score
from verascope.train.fit import fit
from verascope.train.folds import assign
from verascope.train.pixels import PixelStore
from verascope.train.protocols import HEADLINE, judge_crops, logits
from verascope.train.recipe import RECIPES

FOLDS = 3
VARIANTS = {  # steps, start, start_random
    "the GAN's, as it is": (0, True, False),
    "the GAN's, trained on": (None, True, False),
    "its shape, from random weights": (None, True, True),
    "the fast tier's network": (None, False, False),
}


def main() -> None:
    """Train, score, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--gan-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=RECIPES["default"].steps)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    set_threads(asked.threads)
    items = headline(items_of(read_corpora([asked.corpus], "train")))
    store, folds = PixelStore(items), assign(items, FOLDS)
    made = np.array([item.row.label == "synthetic" for item in items])
    scores = {name: np.full(len(items), np.nan) for name in VARIANTS}
    for fold in range(FOLDS):
        rest = np.flatnonzero(folds != fold)
        gan = _gan(asked, store, rest[~made[rest]], asked.out / f"gan-{fold}")
        held = np.flatnonzero(folds == fold).tolist()
        for place, (name, (steps, start, random)) in enumerate(VARIANTS.items()):
            recipe = msgspec.structs.replace(
                RECIPES["default"],
                steps=asked.steps if steps is None else steps,
                start=str(gan) if start else "",
                start_random=random,
            )
            out = asked.out / f"fold-{fold}-{place}"
            network = fit(recipe, store, rest.tolist(), out, pick(asked.device))
            found = logits(judge_crops(torch_score(network)), store, held, HEADLINE)
            scores[name][held] = found
            print(f"fold {fold}: {name}: {evaluate.auroc(made[held], found):.3f}", flush=True)
    rows = [_row(name, found, made, items, folds) for name, found in scores.items()]
    blind = nulls.left_out(nulls.table(store, list(range(len(items))), HEADLINE), made, folds)
    rows.append(_row("null: sizes and byte counts", blind, made, items, folds))
    print("| discriminator | AUROC | 95 % interval over sources |\n| --- | --- | --- |")
    for row in rows:
        print("| {what} | {auroc:.3f} | {interval[0]:.3f} to {interval[1]:.3f} |".format(**row))
    if asked.json:
        facts = {"gan_steps": asked.gan_steps, "steps": asked.steps, "folds": FOLDS, "rows": rows}
        asked.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _gan(asked: argparse.Namespace, store: PixelStore, real: NDArray[np.int64], out: Path) -> Path:
    """A DCGAN of these real pictures."""
    generator = Dcgan(DcganConfig(), pick(asked.device))
    pictures = Listed([Item(media=store[int(k)], key=int(k)) for k in real])
    generator.train(pictures, Budget(steps=asked.gan_steps), seed=1, out=out)
    return out


def _row(
    name: str,
    scores: NDArray[np.float64],
    made: NDArray[np.bool_],
    items: list[corpora.Item],
    folds: NDArray[np.int64],
) -> dict[str, Any]:
    kept = np.isfinite(scores)
    standard = evaluate.standardised(scores[kept], folds[kept])
    sources = [item.row.source for item, keep in zip(items, kept, strict=True) if keep]
    found = evaluate.figure(evaluate.auroc, made[kept], standard, sources)
    return {
        "what": name,
        "auroc": round(found.value, 4),
        "interval": [round(end, 4) for end in found.interval],
        "synthetic": int(made[kept].sum()),
        "real": int((~made[kept]).sum()),
    }


if __name__ == "__main__":
    main()
