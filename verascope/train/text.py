"""`verascope train text`: corpora of texts to the model folder of `text-style`.

Every source is left out once and scored by views that never saw it: these logits bring the views
to log-odds by length, and give the figures, the calibration and the thresholds. Then the same on
all training sources. The dev split chooses nothing; after everything was measured, the shipped
tables may be fitted again on both splits, with thresholds that are out of fold there too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.detect import text_windows
from verascope.detect.calibration import Calibration
from verascope.detect.model_folder import TABLES, ModelFolder, Posts
from verascope.detect.text_batch import Floats, Ints, TextBatch
from verascope.detect.text_style import TextStyle
from verascope.detect.text_tables import CHAT, HEADS, VIEWS, TextTables, Views, dumps
from verascope.detect.text_windows import MIN_CHARACTERS, MIN_DECIDED, scrub
from verascope.errors import UsageError
from verascope.result import Modality, OperatingPoint
from verascope.train import calibrate, report, text_nulls, text_views
from verascope.train.calibrate import SourceCap
from verascope.train.corpora import Corpus
from verascope.train.folder import Facts, Model, code_sha256, reference_file, write
from verascope.train.image import DEV, MODEL, RECIPE
from verascope.train.report import Scored
from verascope.train.scores import SCORES, write_scores
from verascope.train.text_corpus import TextItem, covered, read_texts
from verascope.train.text_fit import fit_lengths, fit_views
from verascope.train.text_recipe import TextRecipe

LEFT_OUT, REFIT = "leave_sources_out", "refit"
MARGIN = 1e-3  # of a logit, that short texts stay below the point of precision
EXAMPLES = (
    "The ferry was late again this morning, so half of us stood on the pier with cold hands and "
    "warm coffee. An old man told me that in his day they simply rowed across. I believe him.",
    "In conclusion, it is important to consider a wide range of perspectives. By fostering open "
    "dialogue and embracing innovation, communities can ensure a brighter future for everyone "
    "involved, while also addressing the unique challenges that lie ahead.",
    "the the of was river and then not since it went mostly around a small grey when he said of it "
    "that more had been and was, to the other one of them on",
)
PREPROCESSING = {
    "input": "passages as UTF-16 code units, cleaned and scrubbed (detect/text_windows.py)",
    "windows": f"whole sentences, at most {text_windows.UNITS} code units",
    "pooling": "mean of the passages' logits",
    "smallest_length_characters": MIN_CHARACTERS,
    "called_synthetic_from_characters": MIN_DECIDED,
}
LIMITS = (
    "English prose alone: texts that are taken for another language are not judged.",
    "It knows the style of models that follow instructions and were trained up to 2024. Texts of "
    "base models, of old bots, translations and machine rewrites of people's texts are mostly not "
    "found; prompts that ask for a person's style, and people's edits, hide more.",
    "Under 60 characters nothing is judged, under 100 nothing is called synthetic.",
    "A flagged text is no proof of anything. People who write in a formal, formulaic or taught "
    "style are flagged more often than others; not measured: writers of English as a second "
    "language against native ones, people who dictate, and users of writing aids.",
)
Report = Callable[[str, int, int], None]  # which source is left out, done, of how many


@dataclass(frozen=True)
class TextRun:
    """What a training is asked to do.

    Attributes:
        folders: corpora.
        out: folder of the run; the model folder is `out/model`.
        recipe: how to train.
        refit: after everything was measured, fit again on train and dev together, and ship that.
        name, version: of the model.
        command: the command line that trains, for the card.
        report: called before each source is left out.
    """

    folders: Sequence[Path]
    out: Path
    recipe: TextRecipe
    refit: bool = False
    name: str = "text-style"
    version: str = "0.1.0"
    command: str = ""
    report: Report = field(default=lambda _source, _done, _all: None)


class LeftOut(NamedTuple):
    """Texts, and what views of the other sources say of each.

    Attributes:
        items: the texts.
        folds: int64 [n], which source each is of.
        fitted: of each fold, the views that never saw its source.
        logits: [n, heads, views].
    """

    items: list[TextItem]
    folds: Ints
    fitted: list[Views]
    logits: Floats


class Fitted(NamedTuple):
    """Texts left out, the tables of each fold, and those of all texts."""

    left: LeftOut
    of_folds: list[TextTables]
    whole: TextTables


class Settled(NamedTuple):
    """Calibration, thresholds, the highest logit of too short texts, how people's logits lie."""

    calibration: Calibration
    points: tuple[OperatingPoint, ...]
    ceiling: float
    posts: Posts


class Learned(NamedTuple):
    """Tables, and what tables of the same recipe made of sources that they never saw."""

    tables: TextTables
    held_out: dict[str, Scored]
    settled: Settled


def train_text(run: TextRun) -> Path:
    """Train, calibrate, measure; returns the model folder.

    Raises:
        UsageError: the corpora do not hold both classes in two sources at least.
    """

    def score(learned: Learned, items: list[TextItem]) -> dict[str, Scored]:
        return {
            view: Scored(items, logits_of(learned.tables, shown(items, view)))
            for view in text_views.VIEWS
        }

    return complete(
        run, lambda items: _learn(run, items), score, lambda learned: _model(learned.tables)
    )


def complete(
    run: Any,
    learn: Callable[[list[TextItem]], Any],
    score: Callable[[Any, list[TextItem]], dict[str, Scored]],
    model: Callable[[Any], Model],
) -> Path:
    """What both trainings of text do: learn from train, measure, perhaps refit, write.

    Args:
        run: a TextRun or TextHeadRun.
        learn: from texts to what was learned, with `held_out` and `settled`.
        score: of what was learned, on other texts.
        model: of what was learned, as files and words.
    """
    read = read_texts(run.folders, "train")
    items, dev = covered(read), covered(read_texts(run.folders, DEV))
    learned = learn(items)
    metrics = {LEFT_OUT: figures(learned.settled, learned.held_out)}
    scored = score(learned, dev) if dev else {}
    if dev:
        metrics[DEV] = figures(learned.settled, scored, items)
    splits = [("train", learned.held_out), (DEV, scored)]
    if run.refit and dev:
        read = read_texts(run.folders, None)
        learned = learn(covered(read))
        metrics[REFIT] = figures(learned.settled, learned.held_out)
        splits.append((REFIT, learned.held_out))
    keep(run.out, run.recipe, splits)
    settled = learned.settled
    facts = Facts(
        run.name,
        run.version,
        {"train": run.command, "evaluate": run.command},
        code_sha256(),
        run.recipe,
        used(read),
        model(learned)._replace(posts=settled.posts),
        Modality.TEXT,
    )
    return write(run.out / MODEL, facts, settled.calibration, settled.points, metrics)


def leave_out(items: list[TextItem], recipe: TextRecipe, report: Report) -> LeftOut:
    """Leave each source out once.

    Raises:
        UsageError: there is one source alone, or no text of a class.
    """
    sources = sorted({item.row.source for item in items})
    if len(sources) < 2:
        raise UsageError("texts of two sources at least are needed, to leave one out")
    folds = np.array([sources.index(item.row.source) for item in items])
    fitted: list[Views] = []
    logits = np.zeros((len(items), len(HEADS), len(VIEWS)))
    for fold, source in enumerate(sources):
        report(f"without {source}", fold, len(sources) + 1)
        rest = [item for item, own in zip(items, folds, strict=True) if own != fold]
        fitted.append(fit_views(rest, recipe))
        held = np.flatnonzero(folds == fold)
        logits[held] = fitted[-1](TextBatch([items[i].text for i in held]))
    return LeftOut(items, folds, fitted, logits)


def fit_tables(items: list[TextItem], recipe: TextRecipe, report: Report) -> Fitted:
    """Tables of each fold, which never saw its source, and of all texts; without a ceiling."""
    left = leave_out(items, recipe, report)
    by_length = fit_lengths(left.logits, left.items, recipe)
    report("all", len(left.fitted), len(left.fitted) + 1)
    of_folds, whole = (
        [TextTables(views, by_length, np.array(recipe.shares), np.inf) for views in several]
        for several in (left.fitted, [fit_views(items, recipe)])
    )
    return Fitted(left, of_folds, whole[0])


def settle(scored: Scored, recipe: TextRecipe) -> Settled:
    """Calibration and thresholds from logits of sources that were left out."""
    main = scored.only(lambda item: item.headline)
    found = calibrate.calibration(main.synthetic, main.logits, main.sources, seed=recipe.seed)
    cap = SourceCap(recipe.most_of_a_source, recipe.counted)
    points = calibrate.operating_points(found, main.synthetic, main.logits, main.sources, cap)
    ceiling = found.logit_at(points[0].threshold) - MARGIN
    return Settled(found, points, ceiling, _posts(main))


def keep(out: Path, recipe: Struct, splits: Sequence[tuple[str, dict[str, Scored]]]) -> None:
    """The recipe, and every score, into the folder of a run."""
    out.mkdir(parents=True, exist_ok=True)
    (out / RECIPE).write_bytes(msgspec.json.format(msgspec.json.encode(recipe)))
    write_scores(out / SCORES, splits)


def logits_of(tables: TextTables, texts: Sequence[str]) -> Floats:
    """The logits of whole texts as a scan pools them: the mean over their windows."""
    passages = [text_windows.texts(text_windows.windows(scrub(text)).values) for text in texts]
    flat = [passage for each in passages for passage in each]
    owner = np.repeat(np.arange(len(texts)), [len(each) for each in passages])
    batch = TextBatch(flat)
    logits = capped(tables(batch)[:, CHAT], batch.lengths, tables.ceiling)
    means: Floats = np.bincount(owner, logits, len(texts)) / np.bincount(
        owner, minlength=len(texts)
    )
    return means


def shown(items: Sequence[TextItem], view: str) -> list[str]:
    """The texts of items under a view."""
    return [text_views.VIEWS[view](item.text) for item in items]


def capped(logits: Floats, lengths: Ints, ceiling: float) -> Floats:
    """Logits, those of texts that are too short to be decided at most the ceiling."""
    return np.where(lengths < MIN_DECIDED, np.minimum(logits, ceiling), logits)


def _learn(run: TextRun, items: list[TextItem]) -> Learned:
    """Tables of all items, with maps, calibration and thresholds from sources left out."""
    fitted = fit_tables(items, run.recipe, run.report)
    settled = settle(held_out(fitted, text_views.HEADLINE), run.recipe)
    bound = fitted._replace(
        of_folds=[tables._replace(ceiling=settled.ceiling) for tables in fitted.of_folds]
    )
    scored = {view: held_out(bound, view) for view in text_views.VIEWS}
    return Learned(fitted.whole._replace(ceiling=settled.ceiling), scored, settled)


def held_out(fitted: Fitted, view: str) -> Scored:
    """Texts under a view, each scored by the tables of its fold."""
    left = fitted.left
    logits = np.zeros(len(left.items))
    for fold, own in enumerate(fitted.of_folds):
        held = np.flatnonzero(left.folds == fold)
        logits[held] = logits_of(own, shown([left.items[i] for i in held], view))
    return Scored(left.items, logits, left.folds)


def _posts(main: Scored) -> Posts:
    """How people's logits lie, over sources (the intraclass correlation: Fisher 1925)."""
    real = ~main.synthetic
    logits, sources = main.logits[real], np.array(main.sources)[real]
    names, index = np.unique(sources, return_inverse=True)
    means = np.bincount(index, logits) / np.bincount(index)
    within = float(np.mean((logits - means[index]) ** 2))
    between = float(np.var(means))
    mean = float(means.mean())
    share = between / (between + within) if len(names) > 1 and between + within > 0 else 0.0
    return Posts(mean=mean, correlation=share)


def figures(
    settled: Settled, scored: dict[str, Scored], known: Sequence[TextItem] | None = None
) -> dict[str, Any]:
    """The figures of scored texts, both nulls beside; the nulls are fitted on `known`, if given."""
    blind = {}
    train = None
    if known is not None:
        counted = [item for item in known if item.headline]
        made = np.array([item.row.label == "synthetic" for item in counted])
        train = text_nulls.table(counted), made
    for view, part in scored.items():
        values = text_nulls.table(part.items)  # type: ignore[arg-type]
        length = len(text_nulls.LENGTH)
        narrow = None if train is None else (train[0][:, :length], train[1])
        blind[view] = report.null(part, values, train)
        blind[view]["header_null"] = report.null(part, values[:, :length], narrow)["null"]
    return report.figures(scored, settled.calibration, settled.points, blind)


def on_split(
    model: ModelFolder, detector: TextStyle, folders: Sequence[Path], split: str
) -> dict[str, Any]:
    """The figures of a detector on one split of corpora; the nulls are fitted on the train split.

    Raises:
        UsageError: no corpus has that split.
    """
    items = covered(read_texts(folders, split))
    if not items:
        raise UsageError(f"no text of split {split!r} in the corpora given")
    known, described = covered(read_texts(folders, "train")), model.description
    scored = {
        view: Scored(items, _scanned(detector, shown(items, view)))
        for view in described.training["protocols"]
    }
    posts = described.posts or Posts(mean=0.0, correlation=0.0)
    settled = Settled(described.calibration, described.operating_points, np.inf, posts)
    return figures(settled, scored, known)


def _scanned(detector: TextStyle, texts: Sequence[str]) -> Floats:
    """Logits of texts as a scan gives them."""
    cuts = (text_windows.windows(scrub(text)).values for text in texts)
    return np.array([detector.pool(detector.score(values)) for values in cuts])


def used(read: Sequence[Corpus]) -> list[Corpus]:
    """Corpora with what was trained on alone."""
    return [Corpus(each.name, each.manifest_sha256, tuple(covered([each]))) for each in read]


def reference_windows() -> NDArray[np.int16]:
    """The windows of EXAMPLES, int16 [n, 2, UNITS]."""
    return np.concatenate([text_windows.windows(scrub(text)).values for text in EXAMPLES])


def _model(tables: TextTables) -> Model:
    """What becomes of the run, as files and words."""
    windows = reference_windows()
    batch = TextBatch(text_windows.texts(windows))
    logits = capped(tables(batch)[:, CHAT], batch.lengths, tables.ceiling).astype(np.float32)
    views = tables.views
    numbers = (*views.characters, *views.words, *views.style, *(a for o in views.orders for a in o))
    return Model(
        dumps(tables),
        reference_file(windows, logits),
        sum(int(np.size(each)) for each in numbers),
        PREPROCESSING,
        tuple(text_views.VIEWS),
        LIMITS,
        file=TABLES,
    )
