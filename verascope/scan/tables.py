"""A table of texts as sources: some hundred rows each, judged together, one Result a row."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.exchange import ReadRequest, RowsRequest
from verascope.media.table import JSON_LINES, Columns, Span, kind_of
from verascope.result import Reason, Result
from verascope.scan.sources import File, Refused, Source
from verascope.settings import Limits
from verascope.tables import Table, Tables

if TYPE_CHECKING:
    from verascope.scanner import Known, Scanner


class TableOptions(Struct, frozen=True, kw_only=True):
    """Where the texts of tables are: columns, or fields with dots between their names.

    Attributes:
        text: the text; None looks for one called `text` and leaves CSV without it alone.
        author: whose it is, where that is wanted.
    """

    text: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table, as one source of several Results.

    Attributes:
        table: the table.
        span: which rows.
        stamped: the table's stamp.
    """

    table: Table
    span: Span
    stamped: str | None = None

    @property
    def uri(self) -> str:
        """The name of its last row: once that is told, all are."""
        return f"{self.table.uri}#row={self.span.first + self.span.rows - 1}"

    def stamp(self) -> str | None:
        """The table's."""
        return self.stamped

    def scan(self, scanner: "Scanner", known: "Known | None" = None) -> Result:
        """The Result of the last row."""
        return self.scan_rows(scanner)[-1]

    def scan_rows(self, scanner: "Scanner") -> list[Result]:
        """Each row's Result, in their order."""
        return scanner.scan_rows(self.table, self.span)


def is_table(name: str) -> bool:
    """Whether a file is a table of texts, by its name."""
    return kind_of(name) is not None


def rows(file: File, options: TableOptions, limits: Limits) -> Iterator[Source]:
    """A table's rows, some hundred a source; the file itself where it has no such column."""
    kind = kind_of(file.uri) or JSON_LINES
    columns = Columns(text=options.text or "text", author=options.author)
    table = Table(
        path=file.path, uri=file.uri, kind=kind, follow_links=file.follow_links, columns=columns
    )
    stamp = file.stamp()
    found = False
    with Tables(limits) as tables:
        try:
            for told in tables.index(_request(table, limits)):
                if kind != JSON_LINES:
                    if columns.text not in told.names:
                        yield file if options.text is None else _without(file, columns, told.names)
                        return
                    named = msgspec.structs.replace(columns, names=told.names)
                    table = msgspec.structs.replace(table, columns=named)
                for span in told.spans:
                    found = True
                    yield Rows(table, span, stamp)
        except InputTrouble as trouble:
            yield Refused(file.uri, trouble.reason, trouble.detail)
            return
    if not found:
        yield Refused(file.uri, Reason.EMPTY, "a table without rows")


def _request(table: Table, limits: Limits) -> RowsRequest:
    read = ReadRequest(
        path=os.fsencode(table.path),
        follow_links=table.follow_links,
        detectors={},
        provenance=False,
        trust=(),
        limits=limits,
    )
    return RowsRequest(read=read, kind=table.kind, columns=table.columns)


def _without(file: File, columns: Columns, names: tuple[str, ...]) -> Refused:
    given = ", ".join(names[:20])
    detail = f"no column {columns.text!r}; it has {given}"
    return Refused(file.uri, Reason.UNSUPPORTED_TYPE, detail)
