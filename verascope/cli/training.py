"""What the verbs of `verascope train` have in common: options, progress, the command line."""

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
CORPUS_HELP = (
    "A corpus: a folder with manifest.csv (what `verascope generate` writes, or the shared "
    "corpora), or one with real/ and synthetic/. May be given several times."
)


CORPUS = click.option(
    "--corpus", "corpora", type=FOLDER, multiple=True, required=True, help=CORPUS_HELP
)
FEATURES = click.option(
    "--features",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps what encoders say of each item.  [default: in your cache]",
)
STEPS = click.option(
    "--steps", type=int, help="Optimisation steps of each network; replaces the recipe's."
)
SECONDS = click.option(
    "--seconds",
    type=float,
    help="Time for each network instead of steps. Not reproducible: machines differ.",
)
FOLDS = click.option(
    "--folds", type=int, help="How many leave-sources-out folds; replaces the recipe's."
)
SEED = click.option("--seed", type=int, help="Replaces the recipe's.")
VERSION = click.option("--model-version", default="0.1.0", show_default=True, help="Of the model.")
DEVICE = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1."
)
THREADS = click.option("--threads", default=1, show_default=True, help="CPU threads that compute.")
RESUME = click.option("--resume", is_flag=True, help="Go on with the run that lies in OUT.")


def out_folder(holds: str) -> Callable[[Any], Any]:
    """The option that names the folder of the run; what it holds, for people."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        help=f"Folder of the run: {holds}",
    )


def model_name(default: str) -> Callable[[Any], Any]:
    """The option that names the model."""
    return click.option("--name", default=default, show_default=True, help="Of the model.")


def show_view(view: str, done: int, of: int) -> None:
    """How far the encoder is with a view, on standard error."""
    if done == of or (done % 200 == 0 and sys.stderr.isatty()):
        end = "\n" if done == of else "\r"
        click.echo(f"{view}: {done} of {of} items", err=True, nl=False)
        click.echo(end, err=True, nl=False)


def command_line() -> str:
    """The command line that gives the same again: paths relative to where it was typed.

    `--resume` is left out: a run that was stopped and one that was not give the same model.
    """
    typed = [argument for argument in sys.argv[1:] if argument != "--resume"]
    paths = (os.path.relpath(a) if Path(a).is_absolute() else a for a in typed)
    return shlex.join(["verascope", *paths])
