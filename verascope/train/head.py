"""`verascope train head`: corpora and an installed encoder to the model folder of a detector.

The encoder stays as it is; its vectors of each picture under each view are kept on disk. One head
for each fold of sources, scored on the sources that it never saw: these logits give the headline
figure, the calibration and the thresholds. Then the same recipe on all training sources: that head
is exported. The dev split chooses nothing.
"""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from verascope.detect.calibration import Calibration
from verascope.detect.encoder import Encoder
from verascope.detect.model_folder import EncoderUse, Families
from verascope.detect.session import Session
from verascope.result import OperatingPoint
from verascope.train import calibrate, corpora, families, head_graph, kernel, measure, report
from verascope.train.corpora import Corpus, Item
from verascope.train.export import test_windows
from verascope.train.features import FeatureStore
from verascope.train.folder import LIMITS, Facts, Model, code_sha256, reference_file, write
from verascope.train.head_recipe import HeadRecipe, chosen_taps
from verascope.train.image import DEV, MODEL, Data, held_out_nulls
from verascope.train.kernel import KernelHead
from verascope.train.linear import Linear
from verascope.train.pixels import PixelStore
from verascope.train.protocols import HEADLINE, PICTURES
from verascope.train.report import Scored
from verascope.train.sampling import by_source
from verascope.train.scores import SCORES, write_scores

LEFT_OUT = "leave_sources_out"
REFIT = "refit"
COLUMNS = ("path", "sha256", "label", "source", "generator", "kind")  # of the manifest
SCANNED = "whole"  # the protocol nearest to what is scanned; hints are measured under it
RECIPE = "recipe.json"
Report = Callable[[str, int, int], None]  # which view of which split, done, of how many
Vectors = dict[str, NDArray[np.float32]]  # view to [n, taps, width]


@dataclass(frozen=True)
class HeadRun:
    """What a training of a head is asked to do.

    Attributes:
        folders: corpora.
        out: folder of the run; the model folder is `out/model`.
        encoder: installed.
        accepted: other builds of it that the head may stand on, by their hashes.
        refit: after everything was measured, fit again on train and dev together, and ship that.
        features: folder that keeps the encoder's vectors.
        recipe: how to train.
        name, version: of the model.
        command: the command line that trains, for the card.
        report: called as the encoder goes through the pictures.
    """

    folders: Sequence[Path]
    out: Path
    encoder: Encoder
    features: Path
    recipe: HeadRecipe
    accepted: dict[str, str] = field(default_factory=dict)
    refit: bool = False
    name: str = "image-clip"
    version: str = "0.1.0"
    command: str = ""
    report: Report = field(default=lambda _view, _done, _all: None)


class Learned(NamedTuple):
    """A head, and what heads of the same recipe made of sources that they never saw."""

    head: KernelHead
    held_out: dict[str, Scored]
    calibration: Calibration
    points: tuple[OperatingPoint, ...]
    null: dict[str, Any]
    family_weights: NDArray[np.float32]  # [landmarks, families]
    families: Families | None

    @property
    def figures(self) -> dict[str, Any]:
        """Of the held-out scores."""
        return report.figures(self.held_out, self.calibration, self.points, self.null)


def train_head(run: HeadRun) -> Path:
    """Train, calibrate, export, measure; returns the model folder.

    Raises:
        UsageError: the corpora do not hold both classes, or a tap or view of the recipe is none.
    """
    read = corpora.read_corpora(run.folders, "train")
    data = Data(corpora.items_of(read), run.recipe)
    dev = corpora.items_of(corpora.read_all(run.folders, DEV))
    with FeatureStore(run.encoder, run.features) as store:
        views = tuple(dict.fromkeys((*PICTURES, *run.recipe.views)))
        vectors = {view: _taps(run, store, data.items, view) for view in views}
        asked = views if run.refit else PICTURES
        unseen = {view: _taps(run, store, dev, view) for view in asked}
    learned = _learn(run, data, vectors)
    metrics = {LEFT_OUT: learned.figures}
    scored = {view: Scored(dev, _whole(run, learned.head, unseen[view])) for view in PICTURES}
    if dev:
        null = measure.null_of(scored, PixelStore(dev), run.folders)
        metrics[DEV] = report.figures(scored, learned.calibration, learned.points, null)
    run.out.mkdir(parents=True, exist_ok=True)
    (run.out / RECIPE).write_bytes(msgspec.json.format(msgspec.json.encode(run.recipe)))
    write_scores(run.out / SCORES, [("train", learned.held_out), (DEV, scored)])
    if run.refit:
        data = Data([*data.items, *dev], run.recipe)
        vectors = {view: np.concatenate([vectors[view], unseen[view]]) for view in views}
        learned = _learn(run, data, vectors)
        metrics[REFIT] = learned.figures
        read += corpora.read_all(run.folders, DEV)
    return _ship(run, read, learned, metrics, _patches(run, data, vectors, learned.calibration))


def _learn(run: HeadRun, data: Data, vectors: Vectors) -> Learned:
    """One head a fold and one of everything, with calibration and points out of fold."""
    names = families.names_of([data.items[k] for k in data.trained])
    held_out, said = _score_held_out(run, data, vectors, names)
    main = held_out[HEADLINE].only(lambda item: item.headline)
    fitted = calibrate.calibration(main.synthetic, main.logits, main.sources, seed=run.recipe.seed)
    points = calibrate.operating_points(fitted, main.synthetic, main.logits, main.sources)
    head, family_weights = _fit(run, data, vectors, data.trained, names)
    null = held_out_nulls(data, held_out)
    known = families.worth(names, data.items, said)
    return Learned(head, held_out, fitted, points, null, family_weights, known)


def taps_of(run: HeadRun) -> tuple[str, ...]:
    """The encoder's vectors that the head takes.

    Raises:
        UsageError: the encoder does not give one of them.
    """
    return chosen_taps(run.recipe, run.encoder.description.taps)


def _patches_of(run: HeadRun) -> tuple[str, ...]:
    """The tap that the head of patches is fitted on, where the encoder gives it."""
    tap = run.recipe.patches
    return (tap,) if tap in run.encoder.description.taps else ()


def _taps(
    run: HeadRun, store: FeatureStore, items: Sequence[Item], view: str
) -> NDArray[np.float32]:
    """The head's taps and, last, the patches': float32 [n, taps, width]."""
    given = run.encoder.description.taps
    rows = [given.index(tap) for tap in (*taps_of(run), *_patches_of(run))]
    return store.taps(items, view, rows, lambda done, of: run.report(view, done, of))


def _fit(
    run: HeadRun,
    data: Data,
    vectors: Vectors,
    chosen: NDArray[np.int64],
    names: tuple[str, ...],
) -> tuple[KernelHead, NDArray[np.float32]]:
    """The head of some items, and what its landmarks say for each family."""
    views = [_flat(run, vectors[view][chosen]) for view in run.recipe.views]
    weights = _weights(run, data, chosen)
    head = kernel.fit(views, kernel.classes(_synthetic(data)[chosen]), weights, run.recipe)
    if not names:
        return head, np.zeros((len(head.landmarks), 0), np.float32)
    items = [data.items[k] for k in chosen]
    return head, families.fit(head, views, items, names, weights, run.recipe)


def _score_held_out(
    run: HeadRun, data: Data, vectors: Vectors, names: tuple[str, ...]
) -> tuple[dict[str, Scored], NDArray[np.float64]]:
    """What the head that never saw an item's source says: logits by protocol, families of whole."""
    found = {view: np.full(len(data.items), np.nan) for view in PICTURES}
    said = np.zeros((len(data.items), len(names)))
    for fold in range(run.recipe.folds):
        rest = data.trained[data.folds[data.trained] != fold]
        head, of_families = _fit(run, data, vectors, rest, names)
        held = np.flatnonzero(data.folds == fold)
        for view, logits in found.items():
            logits[held] = _whole(run, head, vectors[view][held])
        whole = head.project(_flat(run, vectors[SCANNED][held]))
        said[held] = head.kernel(whole) @ of_families
    scored = {view: Scored(data.items, logits, data.folds) for view, logits in found.items()}
    return scored, said


def _whole(run: HeadRun, head: KernelHead, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """A head's logits of pictures."""
    return head(_flat(run, vectors)).astype(np.float64)


def _flat(run: HeadRun, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The head's own taps in one row."""
    own = vectors[:, : len(taps_of(run))]
    return own.reshape(len(own), own.shape[1] * own.shape[2])


def _synthetic(data: Data) -> NDArray[np.bool_]:
    return np.array([item.row.label == "synthetic" for item in data.items])


def _weights(run: HeadRun, data: Data, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much each of some items counts."""
    return by_source([data.items[i] for i in chosen], run.recipe.balance)


def _ship(
    run: HeadRun,
    read: list[Corpus],
    learned: Learned,
    metrics: dict[str, Any],
    patches: bytes | None,
) -> Path:
    """Export, and write the model folder."""
    hinted = None if learned.families is None else learned.family_weights
    graph = head_graph.to_onnx(learned.head, len(taps_of(run)), hinted)
    facts = Facts(
        run.name,
        run.version,
        {"train": run.command, "evaluate": run.command if run.refit else _evaluate_command(run)},
        code_sha256(),
        run.recipe,
        read,
        _model(run, graph, learned, patches),
    )
    return write(run.out / MODEL, facts, learned.calibration, learned.points, metrics)


def _model(run: HeadRun, graph: bytes, learned: Learned, patches: bytes | None) -> Model:
    """What becomes of the run, as files and words."""
    described = run.encoder.description
    windows = test_windows(described.side)
    rows = [described.taps.index(tap) for tap in taps_of(run)]
    logits = Session(graph, ("CPUExecutionProvider",), 1)(run.encoder.taps(windows)[:, rows])
    head = learned.head
    parts = (head.mean, head.scale, head.components, head.landmarks, head.weights)
    return Model(
        graph,
        reference_file(windows, logits),
        sum(part.size for part in parts),
        {
            "input": f"uint8 [n, {described.side}, {described.side}, 3], RGB, 0 to 255",
            "windows": "verascope.detect.views.square: the middle square, resized",
            "encoder": f"{described.name}, frozen; {described.licence}",
            "head": "kernel ridge regression on the encoder's vectors",
        },
        PICTURES,
        LIMITS,
        EncoderUse(
            name=described.name,
            builds={described.build: described.sha256} | run.accepted,
            taps=taps_of(run),
            side=described.side,
        ),
        patches,
        learned.families,
    )


def _patches(run: HeadRun, data: Data, vectors: Vectors, fitted: Calibration) -> bytes | None:
    """The head of patches: linear on the mean over patches, so it can be asked about each.

    Its logits are brought to the head's scale by what both mean as probabilities, out of fold.
    """
    if not _patches_of(run):
        return None
    made = _synthetic(data)

    def fit(chosen: NDArray[np.int64]) -> Linear:
        views = [vectors[view][chosen, -1] for view in run.recipe.views]
        return Linear.fit(views, made[chosen], _weights(run, data, chosen))

    out_of_fold = np.full(len(data.items), np.nan)
    folds = data.folds[data.trained]
    for fold in range(run.recipe.folds):
        held = data.trained[folds == fold]
        out_of_fold[held] = fit(data.trained[folds != fold])(vectors[HEADLINE][held, -1])
    chosen = data.trained
    slope, intercept = calibrate.platt(
        made[chosen], out_of_fold[chosen], _weights(run, data, chosen)
    )
    final = fit(chosen)
    scale = slope / fitted.slope
    bias = scale * final.bias + (intercept - fitted.intercept) / fitted.slope
    side = run.encoder.description.side
    patches = run.encoder.patches(np.zeros((1, side, side, 3), np.uint8)).shape[1]
    return head_graph.linear((final.weights * scale).astype(np.float32), float(bias), patches)


def _evaluate_command(run: HeadRun) -> str:
    """The command that recomputes the dev figures, with paths relative to where we are."""
    folders = [part for f in run.folders for part in ("--corpus", os.path.relpath(f))]
    return shlex.join(["verascope", "train", "evaluate", "MODEL", *folders, "--split", DEV])
