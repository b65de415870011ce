"""Where results go: standard output, or a file that appears whole."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

import click

from verascope.cli.table import Table
from verascope.errors import UsageError
from verascope.scan.outputs import Csv, JsonLines, Output, Parquet, Sarif
from verascope.scan.sources import File, Source

FORMATS: dict[str, Callable[[TextIO], Output]] = {
    "text": Table,
    "jsonl": JsonLines,
    "csv": Csv,
    "parquet": Parquet,
    "sarif": Sarif,
}
PART = ".part"  # of a file that is still being written


def target(path: str | None, format_: str) -> AbstractContextManager[TextIO]:
    """The stream to write results to; machines get UTF-8 whatever the terminal speaks."""
    if path is not None:
        return _whole(path)
    if format_ != "text" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    return nullcontext(sys.stdout)


def others(sources: Iterable[Source], path: str | None) -> Iterator[Source]:
    """The sources without the file that results are written to.

    Raises:
        UsageError: the user named that file as an input.
    """
    own = {os.path.abspath(name) for name in (path, path + PART)} if path else set()
    for source in sources:
        if not isinstance(source, File) or os.path.abspath(source.path) not in own:
            yield source
        elif source.follow_links:
            raise UsageError(f"-o {path} would overwrite an input")


@contextmanager
def _whole(path: str) -> Iterator[TextIO]:
    """A file that replaces an older one at the end, also when the run is interrupted.

    What was written until a crash stays in PATH.part.
    """
    part = Path(path + PART)
    try:
        file = part.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise click.UsageError(f"cannot write {path}: {error.strerror}") from error
    with file:
        try:
            yield file
        except UsageError:  # raised before anything was written
            part.unlink()
            raise
        except KeyboardInterrupt:
            part.replace(path)
            raise
    part.replace(path)
