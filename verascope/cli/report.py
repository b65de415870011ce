"""`verascope report`: Results as one page for people."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from verascope.errors import UsageError


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path), metavar="RESULTS")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page there.  [default: report.html beside the results]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "dsa-sor", "sb942"]),
    default="html",
    show_default=True,
    help="The page; or JSON Lines with what the DSA's statements of reasons, or California's "
    "SB 942, ask of a Result. What the platform alone can say stays null.",
)
@click.option("--title", help="Of the page.  [default: the name of the run]")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="How many inputs are listed, those that matter most; all are counted.",
)
@click.option(
    "--thumbnails",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Show so many of them small, from the top; the files must still be there.",
)
@click.option(
    "--heatmaps",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Show the heat maps that `scan --heatmaps DIR` wrote.",
)
def report(
    results: Path,
    output: Path | None,
    form: str,
    title: str | None,
    rows: int,
    thumbnails: int,
    heatmaps: Path | None,
) -> None:
    """Write RESULTS (JSON Lines, or the folder of a run) as one page that a person can read.

    Counts, a histogram of scores, and a table to sort and filter. The page is one file, fetches
    nothing, and can be mailed; it holds the names of the inputs, and pictures only where asked for.

    \b
      verascope report runs/1
      verascope report results.jsonl -o report.html --thumbnails 200
      verascope report runs/1 --format dsa-sor > statements.jsonl
    """
    from verascope.provenance.writing import write_whole
    from verascope.scan.report.digest import digest
    from verascope.scan.report.page import page
    from verascope.scan.results import read_results

    if form != "html":
        _legal(results, output, form)
        return
    found = digest(read_results(results), rows)
    ranked = sorted(found.rows, key=lambda row: -row.get("score", -1.0))
    _add_thumbnails(ranked[:thumbnails])
    if heatmaps is not None:
        _add_heatmaps(found.rows, heatmaps)
    beside = results if results.is_dir() else results.parent
    target = output or beside / "report.html"
    text = page(found, title or f"Scan of {results.resolve().name}", _facts(results))
    try:
        write_whole(target, text.encode(errors="backslashreplace"), keep=(results,))
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror}") from error
    click.echo(target)


def _legal(results: Path, output: Path | None, form: str) -> None:
    """One line a Result, to a file or to standard output."""
    from verascope.provenance.writing import write_whole
    from verascope.scan.report.legal import FORMATS
    from verascope.scan.results import read_results

    lines = (json.dumps(FORMATS[form](each)) for each in read_results(results))
    if output is None:
        for line in lines:
            click.echo(line)
        return
    write_whole(output, "".join(line + "\n" for line in lines).encode(), keep=(results,))
    click.echo(output)


def _add_thumbnails(rows: list[dict[str, Any]]) -> None:
    from verascope.scan.report.thumbnails import thumbnails

    for row, found in zip(rows, thumbnails(row["uri"] for row in rows), strict=True):
        if found is not None:
            row["thumb"] = found


def _add_heatmaps(rows: list[dict[str, Any]], folder: Path) -> None:
    from verascope.detect.heat import file_name

    for row in rows:
        file = folder / file_name(row["uri"], row.get("sha256"))
        if file.is_file():
            encoded = base64.b64encode(file.read_bytes()).decode()
            row["heat"] = f"data:image/png;base64,{encoded}"


def _facts(results: Path) -> dict[str, str]:
    """What the folder of a run says of it."""
    return dict(_of_run(results)) if results.is_dir() else {"results": str(results)}


def _of_run(folder: Path) -> Iterator[tuple[str, str]]:
    for name in ("run.json", "summary.json"):
        file = folder / name
        if not file.is_file():
            continue
        for key, value in json.loads(file.read_bytes()).items():
            if key not in ("counts", "key"):
                yield key, value if isinstance(value, str) else json.dumps(value)
