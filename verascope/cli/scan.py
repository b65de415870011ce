"""`verascope scan`: files, folders, archives, lists, URLs and standard input to Results."""

import math
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from verascope.cli.config import settings_lines, split
from verascope.cli.output import FORMATS, others, target
from verascope.cli.registry import registry_options, registry_path
from verascope.cli.scan_options import ENDING, INPUTS, JUDGING, OUTPUTS
from verascope.cli.verify import trust_lists
from verascope.result import Result, Verdict
from verascope.scan.outputs import Output
from verascope.scan.tally import Tally
from verascope.settings import Limits, Quality, Settings, TextInput

if TYPE_CHECKING:
    from verascope.cli.progress import Progress
    from verascope.policy import Policy
    from verascope.scan.pool import Engine
    from verascope.scan.run import RunFolder
    from verascope.scan.sources import Source
    from verascope.scan.walk import Walk

DEVICES: dict[str, dict[str, Any]] = {
    "cpu": {},
    "cuda": {"providers": ("CUDAExecutionProvider", "CPUExecutionProvider"), "batch": 64},
}
ACTIONS = ("allow", "label", "review", "limit", "block")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command(epilog="Exit codes: 0 nothing flagged; 1 something flagged; 2 an input failed.")
@INPUTS
@OUTPUTS
@JUDGING
@ENDING
@registry_options
def scan(paths: tuple[str, ...], files_from: BinaryIO | None, null: bool, **given: Any) -> int:
    """Judge files and folders: was it made by a machine, and what speaks for it?

    \b
      verascope scan photo.jpg                          one file
      verascope scan photos/ --format jsonl -o r.jsonl  a folder, one Result a line
      verascope scan archive/ --run runs/1 --resume     for days; stopped, it goes on
      verascope scan s3://bucket/uploads photos.zip     a bucket, an archive
      find . -print0 | verascope scan --files-from - -0 a list of names
      verascope scan - < photo.jpg                      standard input

    Nothing is uploaded. `unremarkable` means that nothing was found, never that a file is real.
    """
    if given["show_settings"]:
        click.echo("\n".join(settings_lines(click.get_current_context())))
        return 0
    _check(paths, files_from, given)
    settings, walk = _settings(given), _walk(given)
    _tell_lacking(settings, quiet=given["quiet"])
    tally = Tally(_flagging(given["fail_on"]))
    policy = _policy(given["policy_file"])
    with ExitStack() as open_:
        folder = _folder(given, settings, paths, policy)
        pool = open_.enter_context(_pool(given, settings, folder))
        if folder is not None:
            open_.enter_context(folder)
        sources = _sources(paths, files_from, null, given["output"], walk)
        progress = _progress(given, paths, files_from, walk)
        results = pool.run(
            folder.fresh(sources) if folder else sources, ordered=not given["unordered"]
        )
        try:
            with _asked_to_stop(pool), _output(given, folder) as write:
                for result in _gathered(given["by"], results):
                    done = result if policy is None else policy.applied(result)
                    write(done)
                    tally.add(done)
                    if progress is not None:
                        progress.add(done)
                if pool.stopping:
                    raise KeyboardInterrupt
        finally:
            if progress is not None:
                progress.close()
            _sum_up(tally, folder, pool, quiet=given["quiet"])
    return tally.exit_code(exit_zero=given["exit_zero"])


def _gathered(by: str | None, results: Iterator[Result]) -> Iterator[Result]:
    """The Results of authors instead of those of their rows, if that was asked for."""
    if by is None:
        return results
    from verascope.scan.authors import gathered

    return gathered(results)


def _tell_lacking(settings: Settings, *, quiet: bool) -> None:
    """Say which modality is judged by the fast tier although the accurate one was asked for."""
    from verascope.detect.registry import lacking

    if not quiet and not settings.detectors:
        for line in lacking(settings.quality):
            click.echo(f"verascope: {line}", err=True)


def _check(paths: tuple[str, ...], files_from: BinaryIO | None, given: dict[str, Any]) -> None:
    """Refuse what cannot be, before anything is opened."""
    if not paths and files_from is None:
        raise click.UsageError(
            "name a file or folder, a URL, '-' for standard input, or --files-from"
        )
    if not math.isfinite(given["timeout"]):
        raise click.UsageError("--timeout takes a number of seconds")
    if given["run_folder"] is None and (given["resume"] or given["retry"]):
        raise click.UsageError("--resume and --retry need --run DIR, the folder of the run")
    if given["run_folder"] is not None and given["output"] is not None:
        raise click.UsageError("with --run, results are in DIR/results.jsonl; leave -o out")
    if given["run_folder"] is not None and given["by"] is not None:
        raise click.UsageError("--by puts rows together, a run keeps each; leave --run out")
    if given["format_"] == "parquet" and given["output"] is None:
        raise click.UsageError("--format parquet needs -o FILE")


def _settings(given: dict[str, Any]) -> Settings:
    limits = Limits(
        max_bytes=given["max_size"],
        max_pixels=given["max_pixels"],
        max_duration_s=given["max_duration"],
        stage_timeout_s=given["timeout"],
    )
    return Settings(
        limits=limits,
        text=TextInput(type=given["text_type"], encoding=given["encoding"]),
        trust=trust_lists(given["trust"]),
        detectors=given["detectors"] or None,
        quality=Quality(given["quality"]),
        calibrations=split(given["calibration"]),
        heatmaps=given["heatmaps"],
        provenance=not given["no_provenance"],
        watermarks=given["watermarks"],
        watermark_key=given["watermark_key"],
        **DEVICES[given["device"]],
        registry=registry_path(given["recover"] and not given["no_provenance"], given["registry"]),
    )


def _walk(given: dict[str, Any]) -> "Walk":
    from verascope.scan.choice import Choice
    from verascope.scan.parts import ArchiveLimits
    from verascope.scan.tables import TableOptions
    from verascope.scan.walk import Walk

    listed = given["exclude_from"].read().splitlines() if given["exclude_from"] else []
    choice = Choice(
        include=given["include"],
        exclude=(*given["exclude"], *listed),
        shard=_shard(given["shard"]),
    )
    bounds = ArchiveLimits(
        max_members=given["max_members"],
        max_total_bytes=given["max_unpacked"],
        max_ratio=given["max_ratio"],
    )
    return Walk(
        choice=choice,
        max_depth=given["max_depth"],
        archives=None if given["no_archives"] else bounds,
        tables=TableOptions(text=given["text_field"], author=given["by"]),
        limits=Limits(max_bytes=given["max_size"], stage_timeout_s=given["timeout"]),
    )


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise click.UsageError("--shard takes I/N, as 1/4, with I from 1 to N")
    return int(index), int(count)


def _policy(file: Path | None) -> "Policy | None":
    if file is None:
        return None
    from verascope.policy import load

    return load(file)


def _folder(
    given: dict[str, Any], settings: Settings, paths: tuple[str, ...], policy: "Policy | None"
) -> "RunFolder | None":
    """The folder of the run, where it is kept in one."""
    if given["run_folder"] is None:
        return None
    from verascope.scan.run import RunFolder
    from verascope.scanner import Scanner

    identity = Scanner(settings).identity() | {"policy": policy.sha256 if policy else None}
    facts = {
        "command": [os.fsencode(each).decode(errors="backslashreplace") for each in sys.argv],
        "inputs": [os.fsencode(each).decode(errors="backslashreplace") for each in paths],
        "identity": identity,
    }
    return RunFolder(given["run_folder"], facts, resume=given["resume"], retry=given["retry"])


def _pool(given: dict[str, Any], settings: Settings, folder: "RunFolder | None") -> "Engine":
    from verascope.scan.pool import Pool

    jobs = given["jobs"] or len(os.sched_getaffinity(0))
    if given["engine"] == "ray":
        from verascope.scan.ray_engine import RayPool

        return RayPool(settings, jobs)
    if folder is None:
        return Pool(settings, jobs)
    # A heat map is drawn for each input, also for one whose content has a Result.
    known = None if settings.heatmaps else folder.known
    return Pool(settings, jobs, known=known, made=folder.made)


def _sources(
    paths: tuple[str, ...],
    files_from: BinaryIO | None,
    null: bool,
    output: str | None,
    walk: "Walk",
) -> "Iterable[Source]":
    from verascope.scan.walk import expand, listed

    names = listed(files_from, b"\0" if null else b"\n") if files_from else ()
    return others(expand(chain(paths, names), walk), output)


def _progress(
    given: dict[str, Any], paths: tuple[str, ...], files_from: BinaryIO | None, walk: "Walk"
) -> "Progress | None":
    """A line on standard error; not where results go to the same terminal."""
    shown = given["run_folder"] or given["output"] or not sys.stdout.isatty()
    if given["quiet"] or not shown:
        return None
    from verascope.cli.progress import Progress
    from verascope.scan.walk import count

    countable = files_from is None and sys.stderr.isatty()
    return Progress((lambda: count(paths, walk)) if countable else None)


@contextmanager
def _output(
    given: dict[str, Any], folder: "RunFolder | None"
) -> Iterator[Callable[[Result], None]]:
    """Where each Result is written to."""
    if folder is not None:
        yield folder.add
        return
    with target(given["output"], given["format_"]) as stream:
        output: Output = FORMATS[given["format_"]](stream)
        try:
            yield output.write
        finally:
            output.close()


def _sum_up(tally: Tally, folder: "RunFolder | None", pool: "Engine", *, quiet: bool) -> None:
    """Write and say what it came to; of a run, with all that it had done before."""
    if folder is not None:
        ended = pool.stopping or sys.exc_info()[0] is not None
        with suppress(OSError):  # the disk may be full
            folder.finish("interrupted" if ended else "finished")
        tally.clear()
        folder.tally(tally)
    if not quiet:
        click.echo(tally.summary(), err=True)


@contextmanager
def _asked_to_stop(pool: "Engine") -> Iterator[None]:
    """A first signal ends the run after what was begun; a second one at once."""

    def heard(number: int, frame: object) -> None:
        if not pool.stopping:
            words = b"\nstopping after what was begun; once more stops at once\n"
            os.write(2, words) if sys.stderr.isatty() else None
        pool.interrupt()

    heeded = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, heard) for each in heeded}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _flagging(names: str) -> frozenset[str]:
    """The verdicts and actions that flag a run."""
    wanted = frozenset(name.strip() for name in names.split(",") if name.strip())
    unknown = sorted(wanted - {*Verdict, *ACTIONS})
    if unknown:
        choices = ", ".join([*Verdict, *ACTIONS])
        raise click.UsageError(f"--fail-on takes {choices}; not {unknown[0]!r}")
    return wanted
