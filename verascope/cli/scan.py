"""`verascope scan`: files, folders, lists and standard input to Results."""

import math
import sys
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import click

from verascope.cli.output import FORMATS, others, target
from verascope.cli.registry import registry_options, registry_path
from verascope.cli.verify import trust_lists
from verascope.result import Result, Verdict
from verascope.scan.outputs import Output
from verascope.scan.sources import STDIN, Source, expand, listed
from verascope.scan.tally import Tally
from verascope.settings import Limits, Quality, Settings

if TYPE_CHECKING:
    from verascope.scanner import Scanner


@click.command(epilog="Exit codes: 0 nothing flagged; 1 something flagged; 2 an input failed.")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--files-from", type=click.File("rb"), help="Read names from a file, one a line.")
@click.option("-0", "--null", is_flag=True, help="Names in --files-from end with a NUL.")
@click.option("-r", "--recursive", is_flag=True, help="Accepted; folders are always walked.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="A table for people, or one Result a line for machines.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write results there.")
@click.option(
    "--detector",
    "detectors",
    multiple=True,
    help="Run this detector (a name or a model folder) instead of all; may be repeated.",
)
@click.option(
    "--quality",
    type=click.Choice([each.value for each in Quality]),
    default=Quality.AUTO.value,
    show_default=True,
    help="Image detector: fast, accurate (needs `verascope models install clip-vit-b16`), or auto: "
    "accurate where its encoder is installed.",
)
@click.option(
    "--heatmaps",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write where the score comes from as PNG files (accurate only; takes as long again).",
)
@click.option(
    "--trust",
    default=",".join(Settings().trust),
    show_default=True,
    help="Trust lists for credentials: names or PEM files, separated by commas.",
)
@click.option("--no-provenance", is_flag=True, help="Do not look at Content Credentials.")
@click.option(
    "--watermarks", is_flag=True, help="Look for invisible watermarks whose words are known."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=Limits().stage_timeout_s,
    show_default=True,
    help="Seconds that each stage of reading one file may take.",
)
@click.option(
    "--max-size",
    type=click.IntRange(min=1),
    default=Limits().max_bytes,
    show_default=True,
    help="Largest file, in bytes.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=Limits().max_pixels,
    show_default=True,
    help="Largest picture, by its header.",
)
@click.option(
    "--fail-on",
    default=Verdict.SYNTHETIC.value,
    show_default=True,
    help="Verdicts that make the exit code 1, separated by commas.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 also when something is flagged.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
@registry_options
def scan(
    paths: tuple[str, ...],
    files_from: BinaryIO | None,
    null: bool,
    recursive: bool,
    format_: str,
    output: str | None,
    detectors: tuple[str, ...],
    quality: str,
    heatmaps: str | None,
    trust: str,
    no_provenance: bool,
    watermarks: bool,
    timeout: float,
    max_size: int,
    max_pixels: int,
    fail_on: str,
    exit_zero: bool,
    quiet: bool,
    recover: bool,
    registry: str | None,
) -> int:
    """Judge files and folders: was it made by a machine, and what speaks for it?

    \b
      verascope scan photo.jpg                          one file
      verascope scan photos/ --format jsonl -o r.jsonl  a folder, one Result a line
      find . -print0 | verascope scan --files-from - -0 a list of names
      verascope scan - < photo.jpg                      standard input

    Nothing is uploaded. `unremarkable` means that nothing was found, never that a file is real.
    """
    if not paths and files_from is None:
        raise click.UsageError("name a file or folder, '-' for standard input, or --files-from")
    if not math.isfinite(timeout):
        raise click.UsageError("--timeout takes a number of seconds")
    settings = Settings(
        limits=Limits(max_bytes=max_size, max_pixels=max_pixels, stage_timeout_s=timeout),
        trust=trust_lists(trust),
        detectors=detectors or None,
        quality=Quality(quality),
        heatmaps=heatmaps,
        provenance=not no_provenance,
        watermarks=watermarks,
        registry=registry_path(recover and not no_provenance, registry),
    )
    tally = Tally(_verdicts(fail_on))
    names = listed(files_from, b"\0" if null else b"\n") if files_from else ()
    sources: Iterable[Source] = others(expand(chain(paths, names)), output)
    if not quiet and sys.stderr.isatty() and (output or not sys.stdout.isatty()):
        from verascope.cli.progress import with_progress

        sources = with_progress(sources, None if files_from else sum(1 for _ in expand(paths)))
    try:
        with target(output, format_) as stream:
            _run(sources, settings, FORMATS[format_](stream), tally)
    finally:
        if not quiet:
            click.echo(tally.summary(), err=True)
    return tally.exit_code(exit_zero=exit_zero)


def _run(sources: Iterable[Source], settings: Settings, output: Output, tally: Tally) -> None:
    from verascope.scanner import Scanner

    with Scanner(settings) as scanner:
        for source in sources:
            result = _scan(scanner, source)
            output.write(result)
            tally.add(result)


def _scan(scanner: "Scanner", source: Source) -> Result:
    from verascope.scanner import refused

    if source.reason is not None:
        return refused(source.path, source.reason)
    if source.path != STDIN:
        return scanner.scan(source.path, follow_links=source.follow_links)
    if sys.stdin is None:
        raise click.UsageError("there is no standard input to read")
    return scanner.scan_stream(sys.stdin.buffer)


def _verdicts(names: str) -> frozenset[Verdict]:
    try:
        return frozenset(Verdict(name.strip()) for name in names.split(",") if name.strip())
    except ValueError as error:
        raise click.UsageError(f"--fail-on takes {', '.join(Verdict)}: {error}") from error
