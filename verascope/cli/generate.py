"""`verascope generate`: train built-in generators and write labelled corpora."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from verascope.generate.contract import Progress, Watch
    from verascope.generate.image import Made

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def generate() -> None:
    """Make synthetic media to train detectors on."""


@generate.command("list")
@click.option("--format", "shape", type=click.Choice(["text", "jsonl"]), default="text")
def list_(shape: str) -> None:
    """List the generators: built-in ones and those of installed packages."""
    from verascope.generate.registry import entries

    for name, entry in entries().items():
        if shape == "jsonl":
            facts = {"name": name, "modality": str(entry.modality), "family": entry.family}
            click.echo(json.dumps(facts))
        else:
            click.echo(f"{name:<16} {entry.modality:<8} {entry.family}")


@generate.command()
@click.option("--family", "name", required=True, metavar="NAME", help="See `generate list`.")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of real pictures, or a corpus (its real train pictures are taken).",
)
@click.option("--out", required=True, type=FOLDER, help="Run folder; a killed run goes on there.")
@click.option("--steps", type=click.IntRange(1), help="Budget in steps: the same run every time.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Budget in seconds.")
@click.option(
    "--count",
    default=100,
    show_default=True,
    type=click.IntRange(0),
    help="Synthetic pictures (and as many real ones) in the corpus; 0 writes none.",
)
@click.option("--corpus", "folder", type=FOLDER, help="Where to write it.  [default: OUT/corpus]")
@click.option(
    "--max-side",
    default=512,
    show_default=True,
    type=click.IntRange(64),
    help="Twins are of crops of at most this many pixels a side.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--config", type=FILE, help="TOML file with the generator's options.")
@click.option(
    "--checkpoint", type=FILE, help="Use these weights (of the same config); no training."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: torch's]")
@click.option(
    "--allow-confounds",
    is_flag=True,
    help="Write the corpus although its classes differ by more than the generator.",
)
@click.option("--no-sign", is_flag=True, help="Leave the made files without a credential.")
@click.option("--jobs", type=click.IntRange(1), help="Threads that encode and sign.  [default: 4]")
@click.option("--dry-run", is_flag=True, help="Print the resolved options and stop.")
def image(
    name: str,
    data: Path,
    out: Path,
    steps: int | None,
    seconds: float | None,
    count: int,
    folder: Path | None,
    max_side: int,
    seed: int,
    config: Path | None,
    checkpoint: Path | None,
    device: str,
    threads: int | None,
    allow_confounds: bool,
    no_sign: bool,
    jobs: int | None,
    dry_run: bool,
) -> None:
    """Train an image generator and write a corpus of real and synthetic pictures.

    \b
    Twins of your photographs, after a minute of training on one core:
      verascope generate image --family reconstructor --data photos --out runs/twins --steps 800
    Small pictures out of nothing:
      verascope generate image --family dcgan --data photos --out runs/dcgan --steps 2000

    Run the same command again to go on after a kill. The run folder holds options, log, previews,
    weights and the self-test; the corpus holds media, manifest.csv and corpus.json, which tells how
    it was made.
    """  # fmt: skip
    from verascope.errors import MissingExtraError

    try:
        from verascope.generate import device as devices
        from verascope.generate.contract import Budget
        from verascope.generate.image import make, prepare
        from verascope.generate.pairs import Plan
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("torch", "safetensors", "sklearn"):
            raise
        raise MissingExtraError(str(error.name), "train") from error

    if steps is None and seconds is None:
        steps = 1000
    devices.set_threads(threads)
    job = prepare(
        name,
        data,
        out,
        budget=Budget(steps=steps, seconds=seconds),
        seed=seed,
        config=config,
        checkpoint=checkpoint,
        device=device,
    )
    if dry_run:
        click.echo(json.dumps({**job.resolved(), "count": count}, indent=2))
        return
    plan = Plan(
        count=count,
        seed=seed,
        max_side=max_side,
        sign=not no_sign,
        allow_confounds=allow_confounds,
    )
    folder = folder or out / "corpus"
    made = make(job, plan if count else None, folder, _watch(), jobs)
    for line in _summary(made, folder):
        click.echo(line)


def _watch() -> "Watch":
    """Progress on standard error: one line that changes on a terminal, else a line each tenth."""
    shown = [-1]

    def watch(progress: "Progress") -> None:
        live = sys.stderr.isatty()
        tenth = int(progress.used * 10)
        if not live and tenth == shown[0]:
            return
        shown[0] = tenth
        losses = "  ".join(f"{name} {value:.4f}" for name, value in progress.losses.items())
        line = f"{progress.used:4.0%}  step {progress.step}  {losses}"
        line += f"  {progress.seconds_left:.0f} s left"
        if live:
            click.echo(f"\r\x1b[K{line}", err=True, nl=progress.used >= 1)
        else:
            click.echo(line, err=True)

    return watch


def _summary(made: "Made", folder: Path) -> list[str]:
    """What was made, in a few lines for people."""
    test = made.test
    lines = [f"checkpoint     {made.checkpoint}"]
    if test.psnr_db is not None:
        lines.append(f"PSNR           {test.psnr_db:.1f} dB to the originals")
    lines.append(
        f"spectrum       AUROC {test.spectrum_auroc:.2f} (real against real"
        f" {test.spectrum_floor:.2f}), up-sampling peak {test.peak_db:+.1f} dB, n = {test.pictures}"
    )
    if made.corpus is not None:
        counts: dict[str, Any] = made.corpus["counts"]
        null = made.corpus["header_null"]
        lines.append(f"corpus         {folder}")
        lines.append("               " + ", ".join(f"{n} {what}" for what, n in counts.items()))
        if made.corpus["refused"]:
            refused = ", ".join(f"{n} {why}" for why, n in made.corpus["refused"].items())
            lines.append(f"refused        {refused}")
        told = (
            f"AUROC {null['auroc']:.2f} ± {1.96 * null['error']:.2f}" if null else "too few files"
        )
        lines.append(f"header null    {told}")
        signed = made.corpus["signed"]
        lines.append(f"signed         {signed['by'] if signed else 'no'}")
    return lines
