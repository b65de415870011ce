"""In the parent: the rows of a table to Results, many at a time; a worker reads them.

Rows are short and many, so what is done once for an input is done once for some hundred of them:
asking the worker, running the models.
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from verascope import sent
from verascope.detect.contract import Detector, Windows
from verascope.detect.profile import Profile
from verascope.errors import InputTrouble
from verascope.exchange import (
    INDEX_FUNCTION,
    ROWS_FUNCTION,
    Reading,
    RowReading,
    RowsRequest,
    Stage,
    TableReading,
)
from verascope.judging_rows import results_of_rows
from verascope.media.sandbox import Sandbox
from verascope.media.table import Columns
from verascope.result import Reason, Result
from verascope.settings import Limits

MOST_WINDOWS = 65_536  # of the rows of a span, for one detector


class Table(Struct, frozen=True, kw_only=True):
    """A table to be judged row by row: where it is, its kind, where its texts are."""

    path: str
    uri: str
    kind: str
    follow_links: bool = True
    columns: Columns = Columns()


class Tables:
    """Reads tables in a worker of its own, which starts with the first. A context manager."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sandbox: Sandbox | None = None

    def index(self, request: RowsRequest) -> Iterator[TableReading]:
        """The names of its columns and where its rows are, message by message.

        Raises:
            InputTrouble: it cannot be read.
        """
        with self._started(INDEX_FUNCTION) as sandbox:
            for message in sandbox.call(msgspec.msgpack.encode(request)):
                told = sent.decoded(message.data, TableReading)
                if told.reason is not None:
                    raise InputTrouble(told.reason, told.detail)
                yield told

    def judge(
        self,
        request: RowsRequest,
        uri: str,
        detectors: Mapping[str, Detector],
        profiles: Mapping[str, Profile],
    ) -> list[Result]:
        """One Result for each row of the request's span, named by the row's number."""
        numbers = range(request.span.first, request.span.first + request.span.rows)
        parts = [f"row={number}" for number in numbers]
        try:
            readings, cuts = self._read(request, detectors)
        except InputTrouble as trouble:
            stopped = Reading(stage=Stage.DONE, reason=trouble.reason, detail=trouble.detail)
            readings, cuts = [RowReading(reading=stopped)] * len(parts), {}
        uris = [f"{uri}#{part}" for part in parts]
        results = results_of_rows(readings, cuts, detectors, profiles, uris)
        return [
            _named(result, part, row.author)
            for result, part, row in zip(results, parts, readings, strict=True)
        ]

    def close(self) -> None:
        """End the worker. The next table would start another."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(
        self, request: RowsRequest, detectors: Mapping[str, Detector]
    ) -> tuple[list[RowReading], dict[str, Windows]]:
        """The rows of a span, and all windows of each detector, after a look at them.

        Raises:
            InputTrouble: the worker died, or sent what cannot be.
        """
        if self._sandbox is None:
            self._sandbox = self._started(ROWS_FUNCTION)
        messages = list(self._sandbox.call(msgspec.msgpack.encode(request)))
        readings = sent.decoded(messages[0].data, list[RowReading])
        if len(readings) != request.span.rows:
            found = f"{len(readings)} rows where {request.span.rows} were found before"
            raise InputTrouble(Reason.CORRUPT, f"the table was changed, or is broken: {found}")
        counts: dict[str, int] = {}
        for row in readings:
            if len(row.counts) != len(row.reading.windowed) or min(row.counts, default=1) < 1:
                raise sent.impossible()
            for name, count in zip(row.reading.windowed, row.counts, strict=True):
                counts[name] = counts.get(name, 0) + count
        cuts = sent.windows(tuple(counts), messages[0].arrays, detectors, MOST_WINDOWS)
        if {name: len(windows.values) for name, windows in cuts.items()} != counts:
            raise sent.impossible()
        return readings, cuts

    def _started(self, function: str) -> Sandbox:
        return Sandbox(
            function,
            memory_bytes=self._limits.worker_memory_bytes,
            timeout_s=self._limits.stage_timeout_s,
        )


def _named(result: Result, part: str, author: str | None) -> Result:
    """With which part it is, and whose."""
    source = msgspec.structs.replace(result.input, part=part, author=author)
    return msgspec.structs.replace(result, input=source)
