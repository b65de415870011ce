"""`verascope train`: corpora to a detector, and a detector's figures recomputed."""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verascope.cli.train_text import text, text_head
from verascope.cli.training import (
    CORPUS,
    DEVICE,
    FEATURES,
    FOLDER,
    FOLDS,
    RESUME,
    SECONDS,
    SEED,
    STEPS,
    THREADS,
    VERSION,
    command_line,
    model_name,
    out_folder,
    show_view,
)
from verascope.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from verascope.train.fit import Progress


@click.group()
def train() -> None:
    """Train detectors from corpora, and measure them.

    Needs the extra: pip install 'verascope[train]'.
    """
    for module in ("torch", "sklearn", "cv2", "onnx", "safetensors"):
        if find_spec(module) is None:
            raise MissingExtraError(module, "train")


@train.command()
@CORPUS
@out_folder("recipe, logs, checkpoints, and in OUT/model the model folder.")
@click.option(
    "--recipe",
    default="default",
    show_default=True,
    help="default, tiny (seconds, for trying out), or a TOML file that replaces keys of default.",
)
@STEPS
@SECONDS
@FOLDS
@SEED
@model_name("image-residual")
@VERSION
@DEVICE
@THREADS
@click.option("--workers", default=1, show_default=True, help="CPU threads that prepare crops.")
@click.option(
    "--teacher",
    help="An installed encoder: heads on it teach the network. Replaces the recipe's.",
)
@click.option(
    "--start",
    type=click.Path(exists=True, file_okay=False),
    help="Start from the discriminator of this run of `generate train dcgan`; with --steps 0 it is "
    "the detector as it is.",
)
@RESUME
@click.option("--dry-run", is_flag=True, help="Print recipe, counts and folds; train nothing.")
def image(
    corpora: tuple[Path, ...],
    out: Path,
    recipe: str,
    steps: int | None,
    seconds: float | None,
    folds: int | None,
    seed: int | None,
    name: str,
    model_version: str,
    device: str,
    threads: int,
    workers: int,
    teacher: str | None,
    start: str | None,
    resume: bool,
    dry_run: bool,
) -> None:
    """Train a detector of pictures.

    Trains one network for each leave-sources-out fold and one on everything, from the corpora's
    train split; calibrates on the pictures that a network had not seen the source of; exports
    ONNX; measures the result there and on the dev split, each with its interval and its null; and
    writes the model folder OUT/model with its card. `verascope scan --detector OUT/model` uses it.

    \b
    Try it:      verascope train image --corpus my-corpus --out runs/try --recipe tiny
    In earnest:  verascope train image --corpus my-corpus --out runs/first
    Stopped?     the same command with --resume gives the same model
    """
    import msgspec

    from verascope.train.image import Run, plan, train_image
    from verascope.train.recipe import RECIPES
    from verascope.train.recipe_file import recipe_of

    given = {"steps": steps, "folds": folds, "seed": seed, "teacher": teacher, "start": start}
    changes = {key: value for key, value in given.items() if value is not None}
    run = Run(
        folders=corpora,
        out=out,
        recipe=msgspec.structs.replace(recipe_of(recipe, RECIPES), **changes),
        name=name,
        version=model_version,
        command=command_line(),
        device=device,
        threads=threads,
        workers=workers,
        seconds=seconds,
        resume=resume,
        report=_Reporter(),
    )
    if dry_run:
        click.echo(json.dumps(plan(run), indent=2))
        return
    folder = train_image(run)
    click.echo(folder)


@train.command()
@CORPUS
@out_folder("recipe, scores.csv, and in OUT/model the model folder.")
@click.option(
    "--encoder", default="clip-vit-b16", show_default=True, help="An installed encoder, by name."
)
@click.option("--build", default="int8", show_default=True, help="Which of its builds.")
@click.option(
    "--accept",
    multiple=True,
    help="Another installed build that the head may run on; measure it before you name it.",
)
@FEATURES
@click.option(
    "--recipe",
    default="default",
    show_default=True,
    help="default, tiny (for trying out), or a TOML file that replaces keys of default.",
)
@FOLDS
@SEED
@click.option(
    "--refit",
    is_flag=True,
    help="After measuring, fit again on train and dev together and ship that; its thresholds are "
    "still set on sources that were left out.",
)
@model_name("image-clip")
@VERSION
def head(
    corpora: tuple[Path, ...],
    out: Path,
    encoder: str,
    build: str,
    accept: tuple[str, ...],
    features: Path | None,
    recipe: str,
    folds: int | None,
    seed: int | None,
    refit: bool,
    name: str,
    model_version: str,
) -> None:
    """Train a head on a frozen encoder.

    The encoder (`verascope models install`) looks once at each picture under each view; what it
    says is kept, so that a stopped run goes on and the next head trains in a minute or two. One
    head for each leave-sources-out fold gives the figures, calibration and thresholds; the head of
    all sources becomes the model folder OUT/model with its card. `verascope scan --detector
    OUT/model` uses it.

    \b
    Try it:      verascope train head --corpus my-corpus --out runs/try --recipe tiny
    In earnest:  verascope train head --corpus my-corpus --out runs/first
    """
    import msgspec

    from verascope.detect.encoder import cache_folder, open_installed
    from verascope.train.head import HeadRun, train_head
    from verascope.train.head_recipe import RECIPES
    from verascope.train.recipe_file import recipe_of

    given = {"folds": folds, "seed": seed}
    changes = {key: value for key, value in given.items() if value is not None}
    run = HeadRun(
        folders=corpora,
        out=out,
        encoder=open_installed(encoder, build),
        accepted={one: open_installed(encoder, one).description.sha256 for one in accept},
        refit=refit,
        features=features or cache_folder() / "features",
        recipe=msgspec.structs.replace(recipe_of(recipe, RECIPES), **changes),
        name=name,
        version=model_version,
        command=command_line(),
        report=show_view,
    )
    click.echo(train_head(run))


@train.command()
@CORPUS
@out_folder("recipe, logs, checkpoints, scores.csv, and in OUT/model the model.")
@click.option(
    "--recipe",
    default="default",
    show_default=True,
    help="default, tiny (seconds, for trying out), or a TOML file that replaces keys of default.",
)
@STEPS
@SECONDS
@FOLDS
@SEED
@model_name("audio-network")
@VERSION
@DEVICE
@THREADS
@RESUME
def audio(
    corpora: tuple[Path, ...],
    out: Path,
    recipe: str,
    steps: int | None,
    seconds: float | None,
    folds: int | None,
    seed: int | None,
    name: str,
    model_version: str,
    device: str,
    threads: int,
    resume: bool,
) -> None:
    """Train a network on the spectra of sound.

    As for pictures: one network for each leave-sources-out fold and one on everything. A real and a
    synthetic recording of one pair come in one batch with the same offset, codec, band limit and
    noise, and are contrasted. Writes the model folder OUT/model with its card.

    \b
    Try it:      verascope train audio --corpus my-corpus --out runs/try --recipe tiny
    In earnest:  verascope train audio --corpus my-corpus --out runs/first
    Stopped?     the same command with --resume gives the same model
    """
    import msgspec

    from verascope.train.audio import AudioRun, train_audio
    from verascope.train.audio_recipe import RECIPES
    from verascope.train.recipe_file import recipe_of

    given = {"steps": steps, "folds": folds, "seed": seed}
    changes = {key: value for key, value in given.items() if value is not None}
    run = AudioRun(
        folders=corpora,
        out=out,
        recipe=msgspec.structs.replace(recipe_of(recipe, RECIPES), **changes),
        name=name,
        version=model_version,
        command=command_line(),
        device=device,
        threads=threads,
        seconds=seconds,
        resume=resume,
        report=_Reporter(),
    )
    click.echo(train_audio(run))


@train.command("sound-head")
@CORPUS
@out_folder("recipe, scores.csv, and in OUT/model the model folder.")
@FEATURES
@click.option(
    "--recipe",
    default="accurate",
    show_default=True,
    help="accurate, fast (taught by accurate), tiny (for trying out), or a TOML file.",
)
@FOLDS
@SEED
@model_name("audio-encoders")
@VERSION
def sound_head(
    corpora: tuple[Path, ...],
    out: Path,
    features: Path | None,
    recipe: str,
    folds: int | None,
    seed: int | None,
    name: str,
    model_version: str,
) -> None:
    """Train heads on frozen encoders of sound.

    The encoders (`verascope models install`; `spectral` is in the package) look once at each
    recording under each view; what they say is kept, so that the next heads train in a minute. One
    set of heads for each leave-sources-out fold gives figures, calibration and thresholds; the
    heads of all sources become the model folder OUT/model with its card.

    \b
    Try it:      verascope train sound-head --corpus my-corpus --out runs/try --recipe tiny
    In earnest:  verascope train sound-head --corpus my-corpus --out runs/first
    """
    import msgspec

    from verascope.detect.encoder import cache_folder
    from verascope.train.recipe_file import recipe_of
    from verascope.train.sound import SoundRun, train_sound
    from verascope.train.sound_recipe import RECIPES

    given = {"folds": folds, "seed": seed}
    changes = {key: value for key, value in given.items() if value is not None}
    run = SoundRun(
        folders=corpora,
        out=out,
        recipe=msgspec.structs.replace(recipe_of(recipe, RECIPES), **changes),
        features=features or cache_folder() / "features",
        name=name,
        version=model_version,
        command=command_line(),
        report=show_view,
    )
    click.echo(train_sound(run))


@train.command("speech-gate")
@CORPUS
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File of the gate, such as gate.npz; its figures go into gate.json beside it.",
)
def speech_gate(corpora: tuple[Path, ...], out: Path) -> None:
    """Train the gate that keeps music and noise from detectors of speech.

    What is speech, the corpus says by its kinds. Prints its leave-sources-out figures.

    \b
    Try it:  verascope train speech-gate --corpus my-corpus --out gate.npz
    """
    from verascope.train.speech import train_gate

    train_gate(corpora, out)
    click.echo(out.with_suffix(".json").read_text(encoding="utf-8"), nl=False)


@train.command()
@click.argument("model", type=FOLDER)
@CORPUS
@click.option("--split", default="dev", show_default=True, help="Split to measure on.")
@click.option("--update", is_flag=True, help="Write the figures into MODEL's model.json and card.")
def evaluate(model: Path, corpora: tuple[Path, ...], split: str, update: bool) -> None:
    """Measure the model folder MODEL on a split and print the figures as JSON.

    The null is fitted on the corpora's train split. Everything is seeded: the same model and
    corpora give the same figures. Recordings are judged as a scan judges them, so those without
    speech are left out.
    """
    import msgspec

    from verascope.detect.model_folder import ModelFolder
    from verascope.detect.registry import create
    from verascope.result import Modality
    from verascope.train import measure, sound_measure
    from verascope.train.folder import save_description
    from verascope.train.protocols import judge_of

    folder = ModelFolder(model)
    if split == "dev" and "refit" in folder.description.metrics:
        raise UsageError(f"{model} was fitted on dev too; its card has the figures of before that")
    detector = create(str(model))
    if folder.description.modality is Modality.TEXT:
        from verascope.detect.text_style import TextStyle
        from verascope.train.text import on_split

        assert isinstance(detector, TextStyle)
        figures = on_split(folder, detector, corpora, split)
    elif folder.description.modality is Modality.AUDIO:
        figures = sound_measure.on_split(folder, detector, corpora, split)
    else:
        figures = measure.on_split(folder, judge_of(detector), corpora, split)
    click.echo(json.dumps(figures, indent=2))
    if update:
        metrics = folder.description.metrics | {split: figures}
        save_description(model, msgspec.structs.replace(folder.description, metrics=metrics))


@train.command()
@click.argument("model", type=FOLDER)
def card(model: Path) -> None:
    """Write MODEL's CARD.md again from its model.json."""
    from verascope.detect.model_folder import ModelFolder
    from verascope.train.folder import save_description

    save_description(model, ModelFolder(model).description)


train.add_command(text)
train.add_command(text_head)


class _Reporter:
    """One line of progress for each line of the log, on standard error."""

    def __init__(self) -> None:
        self.shown = 0.0

    def __call__(self, name: str, line: "Progress") -> None:
        done = line.step >= line.steps
        if not done and time.monotonic() - self.shown < (0.5 if sys.stderr.isatty() else 30):
            return
        self.shown = time.monotonic()
        minutes, seconds = divmod(round(line.seconds_left), 60)
        text = f"{name}: step {line.step} of {line.steps}, loss {line.loss:.4f}, "
        text += f"{minutes}:{seconds:02d} left"
        end = "\n" if done or not sys.stderr.isatty() else "\r"
        click.echo(text + "  " + end, err=True, nl=False)
