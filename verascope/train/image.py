"""`verascope train image`: corpora to the model folder of a picture detector.

One network for each fold of sources, scored on the sources that it never saw: these logits give
the headline figure, the calibration and the thresholds. Then the same recipe, steps and seed on
all training sources: that network is exported. The folds' logits stand for the final one's on
unseen sources, although networks of other data have logits of somewhat other scales: the card shows
these, and the dev split, which chooses nothing, shows what the thresholds hold.
"""

import hashlib
import os.path
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from torch import nn

from verascope.detect.encoder import cache_folder, open_installed
from verascope.detect.image_residual import ImageResidual
from verascope.detect.model_folder import ModelFolder
from verascope.errors import UsageError
from verascope.generate.device import pick, set_threads
from verascope.train import calibrate, corpora, folds, measure, nulls, report
from verascope.train.audio_recipe import AudioRecipe
from verascope.train.corpora import Corpus, Item
from verascope.train.export import to_onnx, torch_score
from verascope.train.fit import Budget, Progress, first, fit
from verascope.train.folder import Facts, code_sha256, crops_model, write
from verascope.train.head_recipe import HeadRecipe
from verascope.train.pixels import PixelStore
from verascope.train.protocols import CROPS, HEADLINE, judge_crops, judge_of, logits
from verascope.train.recipe import Recipe
from verascope.train.report import Scored
from verascope.train.sound_recipe import SoundRecipe
from verascope.train.teacher import Teacher

RECIPE = "recipe.json"
DATA = "data.sha256"  # of what is trained on and of its folds
CODE = "code.sha256"  # of the code that began the run
MODEL = "model"
DEV = "dev"
TEACHER_BUILD = "int8"


@dataclass(frozen=True)
class Run:
    """What a training is asked to do.

    Attributes:
        folders: corpora.
        out: folder of the run; the model folder is `out/model`.
        recipe: how to train.
        name, version: of the model.
        command: the command line that trains, for the card.
        device: auto, cpu, cuda.
        threads: of the CPU that compute; None leaves torch's own choice.
        workers: threads that prepare crops.
        seconds: stop each network after so long instead of the recipe's steps.
        features: folder that keeps what the teacher's encoder says of pictures.
        resume: go on with what lies in `out`.
        report: called with the name of the network in training and each line of its log.
    """

    folders: Sequence[Path]
    out: Path
    recipe: Recipe
    name: str = "image-residual"
    version: str = "0.1.0"
    command: str = ""
    device: str = "auto"
    threads: int | None = None
    workers: int = 1
    seconds: float | None = None
    resume: bool = False
    features: Path = field(default_factory=lambda: cache_folder() / "features")
    report: Callable[[str, Progress], None] = field(default=lambda _name, _line: None)


class Claims(Protocol):
    """What a run is known by when it is gone on with."""

    @property
    def out(self) -> Path:
        """Its folder."""

    @property
    def recipe(self) -> Struct:
        """How it trains."""

    @property
    def resume(self) -> bool:
        """Whether to go on."""


class Data:
    """The training items: which are trained on, which are only scored, and the fold of each.

    Attributes:
        trained: positions of the items that are trained on.
        folds: int [n], the fold that leaves an item out; −1 for those that are in none.
        sha256: of all items and their folds.
    """

    def __init__(
        self, items: list[Item], recipe: Recipe | HeadRecipe | SoundRecipe | AudioRecipe
    ) -> None:
        self.items = items
        self.store = PixelStore(items)
        self.trained = np.array(
            [i for i, item in enumerate(items) if item.headline or item.row.kind in recipe.include]
        )
        labels = {items[index].row.label for index in self.trained}
        if not labels >= {"real", "synthetic"}:
            raise UsageError("training needs real and synthetic files; give corpora with both")
        self.folds = _folds_of_all(items, self.trained, recipe.folds)
        folds.check([items[index] for index in self.trained], self.folds[self.trained])
        rows = [(item.row, int(fold)) for item, fold in zip(items, self.folds, strict=True)]
        self.sha256 = hashlib.sha256(msgspec.json.encode(rows)).hexdigest()


def train_image(run: Run) -> Path:
    """Train, calibrate, export, measure; returns the model folder.

    Raises:
        UsageError: the corpora do not hold both classes, or `out` holds another run.
    """
    set_threads(run.threads)
    # What cannot be is refused before anything is written.
    pick(run.device)
    first(run.recipe)
    _teacher(run)
    read = corpora.read_corpora(run.folders, "train")
    data = Data(corpora.items_of(read), run.recipe)
    claim(run, data)
    held_out = _score_held_out(run, data)
    network = _fit(run, data, "final", data.trained)
    return _ship(run, read, held_out, network, held_out_nulls(data, held_out))


def plan(run: Run) -> dict[str, Any]:
    """What `train_image` would do, for --dry-run: recipe, counts, folds."""
    _teacher(run)
    data = Data(corpora.items_of(corpora.read_corpora(run.folders, "train")), run.recipe)
    made = np.array([item.row.label == "synthetic" for item in data.items])
    chosen = np.isin(np.arange(len(data.items)), data.trained)
    return {
        "recipe": msgspec.to_builtins(run.recipe),
        "device": str(pick(run.device).device),
        "trained_on": {
            "real": int((chosen & ~made).sum()),
            "synthetic": int((chosen & made).sum()),
        },
        "scored_apart": int((~chosen).sum()),
        "folds": [
            sorted({data.items[i].row.source for i in np.flatnonzero((data.folds == f) & chosen)})
            for f in range(run.recipe.folds)
        ],
    }


def _score_held_out(run: Run, data: Data) -> dict[str, Scored]:
    """Each item's logits by the network that never saw its source, by protocol."""
    found = {name: np.full(len(data.items), np.nan) for name in CROPS}
    for fold in range(run.recipe.folds):
        network = _fit(run, data, f"fold-{fold}", data.trained[data.folds[data.trained] != fold])
        judge = judge_crops(torch_score(network))
        held = np.flatnonzero(data.folds == fold)
        for name, pooled in found.items():
            pooled[held] = logits(judge, data.store, held.tolist(), name)
    return {name: Scored(data.items, pooled, data.folds) for name, pooled in found.items()}


def _fit(run: Run, data: Data, name: str, chosen: NDArray[np.int64]) -> nn.Module:
    """Train one network of the run, in its own folder."""
    teacher = _teacher(run)
    return fit(
        run.recipe,
        data.store,
        chosen.tolist(),
        run.out / name,
        pick(run.device),
        targets=teacher.targets([data.items[i] for i in chosen]) if teacher else None,
        budget=Budget(run.seconds),
        workers=run.workers,
        report=lambda line: run.report(name, line),
    )


def _teacher(run: Run) -> Teacher | None:
    """Whoever the recipe names to teach; raises UsageError where that encoder is not installed."""
    if not run.recipe.teacher:
        return None
    return Teacher(open_installed(run.recipe.teacher, TEACHER_BUILD), run.features)


def held_out_nulls(data: Data, held_out: dict[str, Scored]) -> dict[str, Any]:
    """The null under the same folds."""
    return {
        name: report.null(
            scored, nulls.table(data.store, measure.indices(data.store, scored), name)
        )
        for name, scored in held_out.items()
    }


def _ship(
    run: Run,
    read: list[Corpus],
    held_out: dict[str, Scored],
    network: nn.Module,
    null: dict[str, Any],
) -> Path:
    """Calibrate and export; measure what was written, and write that down too."""
    main = held_out[HEADLINE].only(lambda item: item.headline)
    calibration = calibrate.calibration(
        main.synthetic, main.logits, main.sources, seed=run.recipe.seed
    )
    points = calibrate.operating_points(calibration, main.synthetic, main.logits, main.sources)
    commands = {"train": run.command, "evaluate": _evaluate_command(run)}
    facts = Facts(
        run.name,
        run.version,
        commands,
        (run.out / CODE).read_text(),
        run.recipe,
        read,
        crops_model(network, to_onnx(network)),
    )
    metrics = {"leave_sources_out": report.figures(held_out, calibration, points, null)}
    folder = write(run.out / MODEL, facts, calibration, points, metrics)
    if any(corpus.items for corpus in corpora.read_all(run.folders, DEV)):
        metrics[DEV] = measure.on_split(
            ModelFolder(folder), judge_of(ImageResidual(folder)), run.folders, DEV
        )
        write(folder, facts, calibration, points, metrics)
    return folder


def _evaluate_command(run: Run) -> str:
    """The command that recomputes the dev figures, with paths relative to where we are."""
    folders = [part for f in run.folders for part in ("--corpus", os.path.relpath(f))]
    return shlex.join(["verascope", "train", "evaluate", "MODEL", *folders, "--split", DEV])


def _folds_of_all(items: list[Item], trained: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Folds of the trained items; others go with the source or the pair that they belong to."""
    known = folds.assign([items[index] for index in trained], count)
    every = np.full(len(items), -1)
    every[trained] = known
    of_source = {items[i].row.source: fold for i, fold in zip(trained, known, strict=True)}
    of_pair = {items[i].row.pair: fold for i, fold in zip(trained, known, strict=True)}
    of_pair.pop("", None)
    for index in np.flatnonzero(every < 0):
        row = items[index].row
        every[index] = of_source.get(row.source, of_pair.get(row.pair, -1))
    return every


def claim(run: Claims, data: Data) -> None:
    """Make the run's folder, or check that it is this run's.

    A checkpoint that goes on with other folds would score sources that it was trained on.

    Raises:
        UsageError: it holds a run and may not be gone on with.
    """
    file = run.out / RECIPE
    wanted = msgspec.json.format(msgspec.json.encode(run.recipe))
    if file.is_file():
        if not run.resume:
            raise UsageError(f"{run.out} holds a run; add --resume, or choose another --out")
        if file.read_bytes() != wanted:
            raise UsageError(f"{run.out} holds a run of another recipe; choose another --out")
        if (run.out / DATA).read_text() != data.sha256:
            raise UsageError(f"{run.out} holds a run on other files; choose another --out")
    run.out.mkdir(parents=True, exist_ok=True)
    file.write_bytes(wanted)
    (run.out / DATA).write_text(data.sha256)
    if not (run.out / CODE).is_file():
        (run.out / CODE).write_text(code_sha256())
