"""What the verbs of `verascope generate` share: options, progress, and how results are told."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verascope.errors import MissingExtraError

if TYPE_CHECKING:
    from verascope.generate.contract import Progress, Watch
    from verascope.generate.corpus import Maker
    from verascope.generate.evaluate import Evaluation, Metric
    from verascope.generate.forms import Test
    from verascope.generate.sound_test import SoundTest

FOLDER = click.Path(path_type=Path, file_okay=False)
READABLE = click.Path(path_type=Path, file_okay=False, exists=True)
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
Verb = Callable[..., Any]

family = click.option(
    "--family", "name", required=True, metavar="NAME", help="See `generate list`."
)
data = click.option(
    "--data",
    required=True,
    type=READABLE,
    help="Folder of real pictures or recordings, or a corpus (its real train files are taken).",
)
run_out = click.option(
    "--out", required=True, type=FOLDER, help="Run folder; a killed run goes on there."
)
steps = click.option(
    "--steps", type=click.IntRange(1), help="Budget in steps: the same run every time."
)
seconds = click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), help="Budget in seconds."
)
seed = click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
config = click.option("--config", type=FILE, help="TOML file with the generator's options.")
device = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …"
)
threads = click.option(
    "--threads",
    type=click.IntRange(1),
    expose_value=False,
    callback=lambda _context, _option, value: _set_threads(value),
    help="CPU threads.  [default: torch's]",
)
max_side = click.option(
    "--max-side",
    default=512,
    show_default=True,
    type=click.IntRange(64),
    help="Pictures' twins are of crops of at most this many pixels a side.",
)
window = click.option(
    "--window",
    nargs=2,
    default=(2.0, 4.0),
    show_default=True,
    type=click.FloatRange(0.5, 60),
    metavar="FROM TO",
    help="Recordings' twins are of windows between these lengths, in seconds.",
)
allow_confounds = click.option(
    "--allow-confounds",
    is_flag=True,
    help="Write the corpus although its classes differ by more than the generator.",
)
no_sign = click.option("--no-sign", is_flag=True, help="Leave the made files without a credential.")
jobs = click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Threads that encode and sign.  [default: the cores, at most 4]",
)
dry_run = click.option("--dry-run", is_flag=True, help="Print the resolved options and stop.")


def with_options(*options: Callable[[Verb], Verb]) -> Callable[[Verb], Verb]:
    """Give a verb these options, in this order, and an error that names the extra it needs."""

    def given(verb: Verb) -> Verb:
        @wraps(verb)
        def checked(*args: Any, **kwargs: Any) -> Any:
            need_extra()
            return verb(*args, **kwargs)

        given_to: Verb = checked
        for option in reversed(options):
            given_to = option(given_to)
        return given_to

    return given


def need_extra() -> None:
    """Check for what generating needs beyond the core.

    Raises:
        MissingExtraError: it is not installed.
    """
    for module in ("torch", "safetensors", "sklearn"):
        if find_spec(module) is None:
            raise MissingExtraError(module, "train")


def watch() -> "Watch":
    """Progress on standard error: one line that changes on a terminal, else a line each tenth."""
    shown = [-1]

    def told(progress: "Progress") -> None:
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

    return told


def tell_test(test: "Test") -> list[str]:
    """A self-test for people."""
    from verascope.generate.sound_test import SoundTest
    from verascope.generate.text_test import TextTest

    if isinstance(test, SoundTest):
        return tell_sound_test(test)
    if isinstance(test, TextTest):
        return [
            f"trigrams       AUROC {test.trigram_auroc:.2f} (real against real"
            f" {test.trigram_floor:.2f}), distinct word pairs {test.distinct:.2f} (real"
            f" {test.distinct_floor:.2f}), n = {test.texts}"
        ]
    lines = []
    if test.psnr_db is not None:
        lines.append(f"PSNR           {test.psnr_db:.1f} dB to the originals")
    lines.append(
        f"spectrum       AUROC {test.spectrum_auroc:.2f} (real against real"
        f" {test.spectrum_floor:.2f}), up-sampling peak {test.peak_db:+.1f} dB, n = {test.pictures}"
    )
    return lines


def tell_sound_test(test: "SoundTest") -> list[str]:
    """A self-test of sound for people."""
    lines = []
    if test.mel_l1 is not None:
        lines.append(f"mel distance   {test.mel_l1:.2f} to the originals (natural logarithm)")
    lines.append(
        f"spectrum       AUROC {test.spectrum_auroc:.2f} (real against real"
        f" {test.spectrum_floor:.2f}), lines {test.line_db:+.1f} dB at multiples of the frame rate"
        f" of hop {test.line_hop}, n = {test.recordings}"
    )
    return lines


def tell_corpus(report: dict[str, Any], folder: Path) -> list[str]:
    """What corpus.json says, for people."""
    null, signed = report["header_null"], report["signed"]
    lines = [f"corpus         {folder}"]
    lines.append("               " + ", ".join(f"{n} {w}" for w, n in report["counts"].items()))
    if report["refused"]:
        refused = ", ".join(f"{n} {why}" for why, n in report["refused"].items())
        lines.append(f"refused        {refused}")
    told = f"AUROC {null['auroc']:.2f} ± {1.96 * null['error']:.2f}" if null else "too few files"
    lines.append(f"header null    {told}")
    lines.append(f"signed         {signed['by'] if signed else 'no'}")
    return lines


def tell_decoders(makers: Sequence["Maker"]) -> list[str]:
    """A table of the decoders of a mixture, each with what was measured of it."""
    lines = ["decoder factor upsampler  norm  codes cut-off   PSNR  spectrum AUROC  peak"]
    for maker in makers:
        config: Any = maker.generator.config
        test: Any = maker.test  # of pictures
        lines.append(
            f"{maker.checkpoint.parent.name:<7} {config.factor:>6} {config.upsampler:<10} "
            f"{config.norm:<5} {config.codes:>5} {config.low_pass_px:>4.2f} px "
            f"{test.psnr_db or 0:>4.1f} dB  {test.spectrum_auroc:>14.2f} {test.peak_db:>+5.1f} dB"
        )
    return lines


def tell_vocoders(makers: Sequence["Maker"]) -> list[str]:
    """A table of the vocoders of a mixture, each with what was measured of it."""
    lines = ["run   family        mel distance  spectrum AUROC  lines"]
    for maker in makers:
        test: Any = maker.test  # of sound
        lines.append(
            f"{maker.checkpoint.parent.name:<5} {maker.generator.name:<13}"
            f" {test.mel_l1 or 0:>12.2f} {test.spectrum_auroc:>15.2f} {test.line_db:>+6.1f} dB"
        )
    return lines


def tell_evaluation(found: "Evaluation", few: int) -> list[str]:
    """A table of measures, each beside its floor."""
    lines = [f"{'n = ' + str(found.pictures):<22} {'made':>9} {'floor':>9}  (floor: real to real)"]
    lines.append(_row("spectrum distance", found.spectrum_distance))
    lines += [_row(f"peak at 1/{k}, dB", metric) for k, metric in found.peaks_db.items()]
    for name in ("kid", "density", "coverage"):
        lines.append(_row(name, getattr(found, name)))
    if found.memorised is not None:
        lines.append(_row("distance to nearest", found.memorised))
    lines.append(f"kid, density and coverage on features {found.features}")
    if found.pictures < few:
        lines.append(f"fewer than {few} pictures: density and coverage are rough")
    return lines


def _row(name: str, metric: "Metric") -> str:
    return f"{name:<22} {metric.value:>9.3f} {metric.floor:>9.3f}"


def say(lines: Sequence[str]) -> None:
    """Print lines to standard output."""
    for line in lines:
        click.echo(line)


def _set_threads(count: int | None) -> None:
    if count is None:
        return
    need_extra()
    from verascope.generate.device import set_threads

    set_threads(count)
