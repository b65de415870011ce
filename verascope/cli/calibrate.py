"""`verascope calibrate`: thresholds that hold on the user's own real files."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from verascope.cli.escape import printable
from verascope.cli.scan import DEVICES, scan
from verascope.errors import ExitCode
from verascope.settings import Limits, Quality, Settings

if TYPE_CHECKING:
    from verascope.detect.profile import Profile
    from verascope.scan.calibrate import Reals

FOLDER = click.Path(exists=True, file_okay=False)
SHOWN = 3  # sources, for each operating point
Verb = Callable[..., Any]


def as_in_scan(*names: str) -> Callable[[Verb], Verb]:
    """Give a verb these options of `scan`, in scan's order."""

    def decorate(command: Verb) -> Verb:
        taken = [each for each in scan.params if each.name in names]
        command.params.extend(taken)  # type: ignore[attr-defined]
        return command

    return decorate


@as_in_scan("detectors", "quality", "include", "exclude", "max_depth", "jobs", "device", "timeout")
@as_in_scan("max_size", "max_pixels", "quiet")
@click.command(epilog="Exit codes: 0 done; 64 too few files, or no such calibration.")
@click.option("--real", type=FOLDER, metavar="FOLDER", help="Real files of your own, 100 or more.")
@click.option("--name", help="Of the calibration.  [default: FOLDER's own]")
@click.option("--replace", is_flag=True, help="Also where there is a calibration of that name.")
@click.option(
    "--source-depth",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="So many folders below FOLDER name a file's source; 0: all are of one.",
)
@click.option("--list", "listed", is_flag=True, help="Instead: name the calibrations there are.")
@click.option("--show", metavar="NAME", help="Instead: print one whole, as JSON.")
@click.option("--remove", metavar="NAME", help="Instead: delete one.")
def calibrate(
    real: str | None, listed: bool, show: str | None, remove: str | None, **given: Any
) -> int:
    """Set a detector's thresholds on real files of your own.

    \b
      verascope calibrate --real recordings/ --name studio
      verascope scan uploads/ --calibration studio

    FOLDER holds files of which you know that no machine made them, from where the ones to be judged
    come: the same platform, codec or recording chain, with a folder for each source (camera,
    uploader, show). The thresholds are those that 1 % and 10 % of further such files reach. Scores
    stay what they are, and how many synthetic files reach a threshold is not measured by this.
    """
    if sum(each is not None for each in (real, show, remove)) + listed != 1:
        raise click.UsageError("give one of --real FOLDER, --list, --show NAME, --remove NAME")
    if listed:
        return _list()
    if show is not None:
        from verascope.detect.profile import load

        click.echo(load(show).to_json(), nl=False)
    elif remove is not None:
        _remove(remove)
    elif real is not None:
        _calibrate(real, given)
    return int(ExitCode.OK)


def _calibrate(real: str, given: dict[str, Any]) -> None:
    from verascope.scan.calibrate import Reals, free, keep
    from verascope.scanner import Scanner

    name = given["name"] or Path(real).resolve().name.lower()
    free(name, replace=given["replace"])  # told before the long part
    settings = _settings(given)
    models = Scanner(settings).models()
    reals = Reals(real, given["source_depth"])
    _judge(real, settings, given, reals)
    command = [os.fsencode(each).decode(errors="backslashreplace") for each in sys.argv]
    profile = reals.profile(name, models, command)
    file = keep(profile, replace=given["replace"])
    for line in _told(profile):
        click.echo(printable(line))
    click.echo(printable(f"kept in {file}; use it: verascope scan --calibration {name}"), err=True)


def _settings(given: dict[str, Any]) -> Settings:
    limits = Limits(
        max_bytes=given["max_size"],
        max_pixels=given["max_pixels"],
        stage_timeout_s=given["timeout"],
    )
    return Settings(
        limits=limits,
        detectors=given["detectors"] or None,
        quality=Quality(given["quality"]),
        **DEVICES[given["device"]],
    )


def _judge(real: str, settings: Settings, given: dict[str, Any], reals: "Reals") -> None:
    """Every file of the folder, as `scan` would; tells what was left out."""
    from verascope.cli.progress import Progress
    from verascope.scan.choice import Choice
    from verascope.scan.pool import Pool
    from verascope.scan.walk import Walk, count, expand

    choice = Choice(include=given["include"], exclude=given["exclude"])
    walk = Walk(choice=choice, max_depth=given["max_depth"], limits=settings.limits)
    total = (lambda: count([real], walk)) if sys.stderr.isatty() else None
    progress = None if given["quiet"] else Progress(total)
    try:
        with Pool(settings, given["jobs"] or len(os.sched_getaffinity(0))) as pool:
            for result in pool.run(expand([real], walk)):
                reals.add(result)
                if progress is not None:
                    progress.add(result)
    finally:
        if progress is not None:
            progress.close()
    for why, number in reals.left_out.most_common():
        click.echo(f"left out: {number:,} {why}", err=True)


def _told(profile: "Profile") -> Iterator[str]:
    """What a calibration rests on and what it says, for people."""
    from verascope.detect.conformal import FEW_ITEMS

    model = profile.model
    count = len(profile.sources)
    sources = f"{count:,} source{'' if count == 1 else 's'}"
    on = f"{profile.items:,} real files from {sources}"
    yield f"{profile.label}: {model.detector} {model.version} on {on}"
    for point in profile.operating_points:
        low, high = (100 * end for end in point.interval)
        rate = f"{100 * point.false_positive_rate:.1f} % ({low:.1f} to {high:.1f})"
        where = f"  {point.name:<14} score {point.threshold:.4f}"
        yield f"{where}: {rate} of further real files reach it"
    if profile.items < FEW_ITEMS:
        above = (profile.items + 1) // 100 - 1
        yield (
            f"  few: at most {above} of these files lie above the 1 % point, so it may be far off; "
            f"{FEW_ITEMS:,} or more would hold it"
        )
    yield from _sources(profile)


def _sources(profile: "Profile") -> Iterator[str]:
    """Sources whose files the other sources' thresholds would flag most: what new ones may do."""
    if len(profile.sources) == 1:
        yield "  one source: how far another one is from it cannot be known from here"
        return
    for point in profile.operating_points:
        rates = {name: each.reach[point.name] or 0.0 for name, each in profile.sources.items()}
        worst = sorted(filter(rates.get, rates), key=rates.__getitem__, reverse=True)
        for name in worst[:SHOWN]:
            found = f"{rates[name]:.1%} of its {profile.sources[name].items:,}"
            yield f"  {name}: {found} reach the {point.name} point of the other sources"


def _list() -> int:
    from verascope.detect.profile import load, names

    for name in names():
        profile = load(name)
        model, age = profile.model, (date.today() - date.fromisoformat(profile.made)).days
        points = "; ".join(f"{p.name} {p.threshold:.4f}" for p in profile.operating_points)
        click.echo(
            f"{profile.label}  {model.detector} {model.version} ({model.sha256[:12]})  "
            f"{profile.items:,} files, {age} days old: {points}"
        )
    return int(ExitCode.OK)


def _remove(name: str) -> None:
    from verascope.detect.profile import path_of
    from verascope.errors import UsageError

    file = path_of(name)
    try:
        file.unlink()
    except FileNotFoundError:
        raise UsageError(f"no calibration called {name!r}") from None
    click.echo(f"removed {file}", err=True)
