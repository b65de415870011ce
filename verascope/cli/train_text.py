"""`verascope train text` and `train text-head`: corpora of texts to detectors."""

from pathlib import Path

import click

from verascope.cli.training import (
    CORPUS,
    FEATURES,
    SEED,
    VERSION,
    command_line,
    model_name,
    out_folder,
    show_view,
)

REFIT = click.option(
    "--refit",
    is_flag=True,
    help="After measuring, fit again on train and dev together and ship that; its thresholds are "
    "still set on sources that were left out.",
)
RECIPE = click.option(
    "--recipe",
    default="default",
    show_default=True,
    help="default, tiny (for trying out), or a TOML file that replaces keys of default.",
)

HEAD_RECIPE = click.option(
    "--recipe",
    default="default",
    show_default=True,
    help="default, layer24, tiny (for trying out), or a TOML file that replaces keys of default.",
)


@click.command()
@CORPUS
@out_folder("recipe, scores.csv, and in OUT/model the model folder.")
@RECIPE
@SEED
@REFIT
@model_name("text-style")
@VERSION
def text(
    corpora: tuple[Path, ...],
    out: Path,
    recipe: str,
    seed: int | None,
    refit: bool,
    name: str,
    model_version: str,
) -> None:
    """Train the fast detector of machine-written text.

    A corpus holds JSON Lines (`text`, `label`, `source`, `family` …, also gzip), or .txt files
    below real/ and synthetic/. Each source is left out once and scored by tables that never saw
    it: that gives figures, calibration and thresholds; then the tables of all sources become the
    model folder OUT/model with its card. `verascope scan --detector OUT/model` uses it.

    \b
    Try it:      verascope train text --corpus my-posts --out runs/try --recipe tiny
    In earnest:  verascope train text --corpus my-posts --out runs/first
    """
    import msgspec

    from verascope.train.recipe_file import recipe_of
    from verascope.train.text import TextRun, train_text
    from verascope.train.text_recipe import RECIPES

    chosen = recipe_of(recipe, RECIPES)
    run = TextRun(
        folders=corpora,
        out=out,
        recipe=chosen if seed is None else msgspec.structs.replace(chosen, seed=seed),
        refit=refit,
        name=name,
        version=model_version,
        command=command_line(),
        report=show_view,
    )
    click.echo(train_text(run))


@click.command("text-head")
@CORPUS
@out_folder("recipe, scores.csv, and in OUT/model the model folder.")
@FEATURES
@HEAD_RECIPE
@REFIT
@model_name("text-smollm")
@VERSION
def text_head(
    corpora: tuple[Path, ...],
    out: Path,
    features: Path | None,
    recipe: str,
    refit: bool,
    name: str,
    model_version: str,
) -> None:
    """Train a head on a frozen encoder of text, beside `text-style`.

    The encoder (`verascope models install smollm2-135m`) looks once at each text; what it says is
    kept, so that the next head trains in minutes. Half of the detector's logit is the head's, half
    that of the package's `text-style`. The recipe `layer24` stands on the deeper build.

    \b
    Try it:      verascope train text-head --corpus my-posts --out runs/try --recipe tiny
    In earnest:  verascope train text-head --corpus my-posts --out runs/first
    """
    from verascope.detect.encoder import cache_folder
    from verascope.detect.text_encoder import open_installed_text
    from verascope.train.recipe_file import recipe_of
    from verascope.train.text_head import TextHeadRun, train_text_head
    from verascope.train.text_recipe import HEAD_RECIPES

    chosen = recipe_of(recipe, HEAD_RECIPES)
    run = TextHeadRun(
        folders=corpora,
        out=out,
        encoder=open_installed_text(chosen.encoder, chosen.build),
        features=features or cache_folder() / "features",
        recipe=chosen,
        refit=refit,
        name=name,
        version=model_version,
        command=command_line(),
        report=show_view,
    )
    click.echo(train_text_head(run))
