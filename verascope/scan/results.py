"""Results read back: from a file of JSON Lines, or from the folder of a run."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from verascope.errors import UsageError
from verascope.result import Result

RESULTS = "results.jsonl"


def read_results(path: Path) -> Iterator[Result]:
    """The Results of a file or of a run's folder, one at a time.

    Raises:
        UsageError: there are none, or a line is none; names the file and the line.
    """
    file = path / RESULTS if path.is_dir() else path
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    with stream:
        for number, line in enumerate(stream, 1):
            try:
                yield Result.from_json(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UsageError(f"{file}:{number}: not a Result: {error}") from error
