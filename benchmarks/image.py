"""The accurate image tier beside its yardsticks: AUROC and TPR with intervals; a table, and JSON.

    python -m benchmarks.image --corpus ../shared/corpora/image --json benchmarks/results/image.json
    python -m benchmarks.image --corpus ../shared/corpora/image --builds
    python -m benchmarks.image --corpus ../shared/corpora/image --built-in mixture/corpus --json …

Heads are fitted on the corpus's train split with the encoder's vectors; `verascope train head` has
filled the store of those, or this does. Train figures are leave-sources-out, six folds; dev
figures are of the fit on the whole train split. `linear` is logistic regression on the same taps,
as other projects use. With --built-in, pictures that Verascope's generators made are the
synthetic class of the training, alone or beside the corpus's own.
"""

import argparse
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from verascope.detect.encoder import cache_folder, open_installed
from verascope.train import evaluate, kernel, nulls
from verascope.train.corpora import Item, headline, items_of, read_corpora
from verascope.train.features import FeatureStore
from verascope.train.folds import assign
from verascope.train.head_recipe import RECIPES
from verascope.train.pixels import PixelStore
from verascope.train.protocols import PICTURES

Floats = NDArray[np.float32]
Fit = Callable[[Sequence[Floats], NDArray[np.bool_], Floats], Callable[[Floats], Floats]]
RECIPE = RECIPES["default"]
TAPS = tuple(f"block {k} class" for k in range(6, 12))
PHOTOGRAPHS = ("photo", "phone-photo", "product-photo", "face")
# dev sources of the last round
NEW = ("wright", "rentingexplained", "seedream5", "dofle", "grocery")
BUILDS = ("int8", "fp32")
LINEAR_C = 1e-4  # fixed before anything was measured: ../shared/research/image.md, section 5


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--built-in", type=Path)
    parser.add_argument("--most", type=int, default=1200, help="of its synthetic pictures")
    parser.add_argument("--build", default="int8")
    parser.add_argument("--builds", action="store_true", help="one head on int8 and on fp32")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    table = Table(asked.corpus, asked.build)
    if asked.builds:
        found = table.builds()
        print(json.dumps(found, indent=1))
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    rows = table.with_built_in(asked.built_in, asked.most) if asked.built_in else table.rows()
    print(shown(rows))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


class Table:
    """Vectors of both splits, and what heads make of them."""

    def __init__(self, corpus: Path, build: str) -> None:
        self.encoder = open_installed("clip-vit-b16", build)
        self.train = headline(items_of(read_corpora([corpus], "train")))
        self.dev = headline(items_of(read_corpora([corpus], "dev")))
        self.folds = assign(self.train, RECIPE.folds)
        self.vectors = {view: self.of(self.train, view) for view in PICTURES}
        self.unseen = {view: self.of(self.dev, view) for view in PICTURES}

    def of(self, items: list[Item], view: str) -> Floats:
        """The later class tokens of items, in one row each."""
        rows = [self.encoder.description.taps.index(tap) for tap in TAPS]
        with FeatureStore(self.encoder, cache_folder() / "features") as store:
            return store.taps(items, view, rows).reshape(len(items), -1)

    def rows(self) -> list[dict[str, Any]]:
        """Each head and each null under each protocol."""
        found = []
        made, weights = _made(self.train), _weights(self.train)
        for name, fit in (("linear", _linear), ("image-clip", _kernel)):
            for view in PICTURES:
                views = [self.vectors[view]] if name == "linear" else list(self.vectors.values())
                scores = np.empty(len(self.train))
                for fold in range(RECIPE.folds):
                    kept, held = self.folds != fold, self.folds == fold
                    head = fit([v[kept] for v in views], made[kept], weights[kept])
                    scores[held] = head(self.vectors[view][held])
                final = fit(views, made, weights)(self.unseen[view])
                found += _rows(name, view, "train", self.train, scores, self.folds)
                found += _rows(name, view, "dev", self.dev, final.astype(float))
        stores = PixelStore(self.train), PixelStore(self.dev)
        for view in PICTURES:
            seen, unseen = (nulls.table(s, range(len(s.items)), view) for s in stores)
            blind = nulls.left_out(seen, made, self.folds)
            found += _rows("null", view, "train", self.train, blind, self.folds)
            found += _rows("null", view, "dev", self.dev, nulls.transferred(seen, made, unseen))
        return found

    def builds(self) -> dict[str, Any]:
        """A head that was fitted on this build, on dev's equal crops by each build."""
        views = list(self.vectors.values())
        head = _kernel(views, _made(self.train), _weights(self.train))
        made, sources = _made(self.dev), [item.row.source for item in self.dev]
        scores = {}
        for build in BUILDS:
            self.encoder = open_installed("clip-vit-b16", build)
            scores[build] = head(self.of(self.dev, PICTURES[0])).astype(float)
        gap = evaluate.difference(made, scores["int8"], scores["fp32"], sources)
        return {
            "view": PICTURES[0],
            "split": "dev",
            "auroc": {k: round(evaluate.auroc(made, v), 4) for k, v in scores.items()},
            "int8_minus_fp32": {"value": round(gap.value, 4), "over_sources": _two(gap.interval)},
            "correlation": round(float(np.corrcoef(*scores.values())[0, 1]), 4),
            "vnni": "avx512_vnni" in Path("/proc/cpuinfo").read_text(),
        }

    def with_built_in(self, folder: Path, most: int) -> list[dict[str, Any]]:
        """The head with pictures of our own generators as the synthetic class, or beside it."""
        ours = [i for i in items_of(read_corpora([folder], None)) if i.row.label == "synthetic"]
        rng = np.random.default_rng(RECIPE.seed)
        ours = [ours[k] for k in sorted(rng.permutation(len(ours))[:most])]
        added = {view: self.of(ours, view) for view in PICTURES[:2]}
        made = _made(self.train)
        found = []
        for name, own, extra in (
            ("corpus alone", True, 0.0),
            ("corpus and built-in, a tenth", True, 0.1),
            ("corpus and built-in, a third", True, 1 / 3),
            ("built-in alone", False, 1.0),
        ):
            for view in PICTURES[:2]:
                scores = np.empty(len(self.train))
                for fold in range(RECIPE.folds):
                    kept = (self.folds != fold) & (made <= own)
                    items = [self.train[i] for i in np.flatnonzero(kept)]
                    # a twin of a real picture that is held out must be held out as well
                    fine = _not_of(
                        ours, [self.train[i] for i in np.flatnonzero(self.folds == fold)]
                    )
                    weights = _shares(_weights(items), _made(items), int(fine.sum()), extra)
                    views = [np.concatenate([self.vectors[v][kept], added[v][fine]]) for v in added]
                    classes = np.append(made[kept], np.ones(int(fine.sum()), bool))
                    used = weights > 0
                    head = _kernel([v[used] for v in views], classes[used], weights[used])
                    held = self.folds == fold
                    scores[held] = head(self.vectors[view][held])
                found += _rows(name, view, "train", self.train, scores, self.folds)
        return found


def _not_of(ours: list[Item], held: list[Item]) -> NDArray[np.bool_]:
    """Which built-in pictures are twins of no source that is held out."""
    sources = {item.row.source for item in held}
    return np.array([item.row.source not in sources for item in ours])


def _shares(weights: Floats, made: NDArray[np.bool_], count: int, extra: float) -> Floats:
    """Weights of the corpus's pictures and of `count` added ones; both classes count alike."""
    weights = weights.copy()
    weights[made] *= 1 - extra
    return np.append(weights, np.full(count, extra * weights[~made].sum() / max(1, count)))


def _linear(views: Sequence[Floats], made: NDArray[np.bool_], weights: Floats) -> Any:
    """Logistic regression on one view."""
    mean, scale = views[0].mean(0), views[0].std(0) + 1e-6
    model = LogisticRegression(C=LINEAR_C, max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((views[0] - mean) / scale, made, weights * len(weights) / weights.sum())
    return lambda vectors: model.decision_function((vectors - mean) / scale)


def _kernel(views: Sequence[Floats], made: NDArray[np.bool_], weights: Floats) -> Any:
    """The head that ships."""
    return kernel.fit(views, kernel.classes(made), weights, RECIPE)


def _made(items: list[Item]) -> NDArray[np.bool_]:
    return np.array([item.row.label == "synthetic" for item in items])


def _weights(items: list[Item]) -> Floats:
    """Both classes alike, sources by the square root of their size."""
    keys = [(item.row.label, item.row.source) for item in items]
    sizes = {key: keys.count(key) for key in set(keys)}
    found = np.array([sizes[key] ** -0.5 for key in keys])
    made = _made(items)
    for of_class in (made, ~made):
        found[of_class] /= found[of_class].sum() or 1
    return found


def _rows(
    name: str,
    view: str,
    split: str,
    items: list[Item],
    scores: NDArray[np.float64],
    folds: NDArray[np.int64] | None = None,
) -> list[dict[str, Any]]:
    """A head's figures on all pictures, on photographs, and on dev's newest sources."""
    if folds is not None:
        scores = evaluate.standardised(scores, folds)
    groups: dict[str, Callable[[Item], bool]] = {
        "all": lambda item: True,
        "photographs": lambda item: item.row.kind in PHOTOGRAPHS,
    }
    if split == "dev":
        groups["new sources"] = lambda item: item.row.source.startswith(NEW)
    return [
        {"head": name, "view": view, "split": split, "group": group}
        | _figures([i for i, item in enumerate(items) if keep(item)], items, scores)
        for group, keep in groups.items()
    ]


def _figures(chosen: list[int], items: list[Item], scores: NDArray[np.float64]) -> dict[str, Any]:
    part = [items[i] for i in chosen]
    made, values = _made(part), scores[chosen]
    sources = [item.row.source for item in part]
    each = [str(i) for i in chosen]
    auroc = evaluate.figure(evaluate.auroc, made, values, sources)
    found = evaluate.figure(evaluate.tpr_at(0.05), made, values, sources)
    return {
        "synthetic": int(made.sum()),
        "real": int((~made).sum()),
        "auroc": round(auroc.value, 4),
        "over_sources": _two(auroc.interval),
        "over_items": _two(evaluate.figure(evaluate.auroc, made, values, each).interval),
        "tpr_at_5": round(found.value, 4),
        "tpr_over_sources": _two(found.interval),
    }


def _two(interval: tuple[float, float]) -> list[float]:
    return [round(end, 4) for end in interval]


def shown(rows: list[dict[str, Any]]) -> str:
    """As a table in Markdown."""
    lines = [
        "| head | pictures | split | group | synthetic / real | AUROC | over sources | over items "
        "| TPR at 5 % FPR | over sources |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['head']} | {r['view']} | {r['split']} | {r['group']} | {r['synthetic']} / "
        f"{r['real']} | {r['auroc']:.3f} | {_range(r['over_sources'])} | "
        f"{_range(r['over_items'])} | {r['tpr_at_5']:.2f} | {_range(r['tpr_over_sources'])} |"
        for r in rows
    ]
    return "\n".join(lines)


def _range(ends: list[float]) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


if __name__ == "__main__":
    main()
