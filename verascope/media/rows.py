"""A table of texts, JSON Lines or CSV, in pieces: where its rows are, and what one says.

A row is found by its bytes alone, so that a table of any size is read in pieces by several workers,
and a row that is broken breaks no other.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from verascope.media.table import JSON_LINES, TSV, Columns, Span
from verascope.result import Reason

BLOCK_BYTES = 1 << 20
SPAN_ROWS = 256
SPAN_BYTES = 1 << 20
MAX_ROW_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Row(Struct, frozen=True, kw_only=True):
    """One row: its text and its author, or why there is no text to judge."""

    text: str = ""
    author: str | None = None
    reason: Reason | None = None
    detail: str = ""


def spans(file: BinaryIO, kind: str) -> Iterator[Span]:
    """The rows of a table in spans; of CSV without its first row. Reads it once, in blocks."""
    ends = _ends(file, quoted=kind != JSON_LINES)
    start, first, count = 0, 1, 0
    if kind != JSON_LINES:
        start = next(ends, 0)
    end = start
    for end in ends:
        count += 1
        if count == SPAN_ROWS or end - start >= SPAN_BYTES:
            yield Span(start, end, first, count)
            start, first, count = end, first + count, 0
    if count:
        yield Span(start, end, first, count)


def _ends(file: BinaryIO, *, quoted: bool) -> Iterator[int]:
    """Where each row ends: behind a line break that stands in no quotes, and with the file."""
    file.seek(0)
    offset, open_, last = 0, False, 0
    while block := file.read(BLOCK_BYTES):
        at = 0
        while (found := block.find(b"\n", at)) >= 0:
            if quoted and block.count(b'"', at, found) % 2:
                open_ = not open_
            at = found + 1
            if not open_:
                last = offset + at
                yield last
        if quoted and block.count(b'"', at) % 2:
            open_ = not open_
        offset += len(block)
    if last < offset:
        yield offset


def names_of(file: BinaryIO, kind: str) -> tuple[str, ...]:
    """The names of a CSV's columns, from its first row; none of JSON Lines."""
    if kind == JSON_LINES:
        return ()
    end = next(_ends(file, quoted=True), 0)
    file.seek(0)
    head = file.read(min(end, MAX_ROW_BYTES)).removeprefix(BYTE_ORDER_MARK)
    return tuple(_fields(head.rstrip(b"\r\n"), kind) or ())


def rows(data: bytes, kind: str, columns: Columns) -> Iterator[Row]:
    """The rows of a span's bytes, every one of them.

    Args:
        data: the bytes.
        kind: of the table.
        columns: which are looked at.
    """
    start = 0
    for end in _ends(io.BytesIO(data), quoted=kind != JSON_LINES):
        row = data[start:end].removesuffix(b"\n").removesuffix(b"\r")
        start = end
        if kind == JSON_LINES:
            yield _of_json(row.removeprefix(BYTE_ORDER_MARK), columns)
        else:
            yield _of_record(row, kind, columns)


def _of_json(line: bytes, columns: Columns) -> Row:
    if not line.strip():
        return Row(reason=Reason.EMPTY, detail="an empty line")
    if len(line) > MAX_ROW_BYTES:
        return _too_large(len(line))
    try:
        found = _decoded(line.decode())
    except UnicodeDecodeError as error:
        return Row(reason=Reason.BAD_ENCODING, detail=f"byte {error.start} of the row")
    except (ValueError, RecursionError) as error:
        return Row(reason=Reason.CORRUPT, detail=f"it is no JSON: {error}")
    return _row(_value(found, columns.text), _author(found, columns), columns)


def _decoded(line: str) -> Any:
    """JSON, also with the NaN and Infinity that many programs write."""
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return json.loads(line)


def _of_record(row: bytes, kind: str, columns: Columns) -> Row:
    if not row.strip():
        return Row(reason=Reason.EMPTY, detail="an empty row")
    if len(row) > MAX_ROW_BYTES:
        return _too_large(len(row))
    fields = _fields(row, kind)
    if fields is None:
        return Row(reason=Reason.CORRUPT, detail=f"it is no row of {kind.upper()}")
    found = dict(zip(columns.names, fields, strict=False))
    return _row(found.get(columns.text), _author(found, columns), columns)


def _row(text: Any, author: str | None, columns: Columns) -> Row:
    if not isinstance(text, str):
        what = "missing" if text is None else f"a {type(text).__name__}"
        detail = f"its field {columns.text!r} is {what}; another is named by --text-field"
        return Row(author=author, reason=Reason.UNSUPPORTED_TYPE, detail=detail)
    if len(text) > MAX_ROW_BYTES:
        return _too_large(len(text))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        detail = f"character {error.start} of it is none"
        return Row(author=author, reason=Reason.BAD_ENCODING, detail=detail)
    return Row(text=text, author=author)


def _too_large(length: int) -> Row:
    detail = f"{length:,} bytes in one row; at most {MAX_ROW_BYTES:,} are read"
    return Row(reason=Reason.TOO_LARGE, detail=detail)


def _author(found: Any, columns: Columns) -> str | None:
    author = None if columns.author is None else _value(found, columns.author)
    return None if author is None else str(author)[:200]


def _value(found: Any, path: str) -> Any:
    """A field of an object, or of one inside it, with dots between the names."""
    if isinstance(found, dict) and path in found:
        return found[path]
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _fields(row: bytes, kind: str) -> list[str] | None:
    """The fields of one row of CSV; bytes that are no UTF-8 become lone surrogates."""
    text = row.decode("utf-8", "surrogateescape")
    csv.field_size_limit(2 * MAX_ROW_BYTES)
    try:
        records = list(
            csv.reader(io.StringIO(text, newline=""), delimiter="\t" if kind == TSV else ",")
        )
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None
