"""Tables of texts: every row found once, whatever the others hold."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verascope.media import rows
from verascope.media.rows import names_of, spans
from verascope.media.table import CSV, JSON_LINES, Columns
from verascope.result import Reason

TEXTS = st.lists(st.text(max_size=40).filter(lambda t: "\0" not in t), max_size=600)


def all_rows(data: bytes, kind: str, columns: Columns) -> list[rows.Row]:
    """The rows of a table by way of its spans."""
    file = io.BytesIO(data)
    found: list[rows.Row] = []
    for span in spans(file, kind):
        assert span.first == len(found) + 1
        part = list(rows.rows(data[span.start : span.end], kind, columns))
        assert len(part) == span.rows
        found += part
    return found


@given(TEXTS)
def test_json_lines_come_back_one_by_one(texts: list[str]) -> None:
    data = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    assert [row.text for row in all_rows(data, JSON_LINES, Columns())] == texts


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=60)), max_size=300))
def test_csv_with_quotes_and_breaks_comes_back(records: list[tuple[str, str]]) -> None:
    clean = [
        (a.replace("\0", "").replace("\r", ""), "x" + b.replace("\0", "").replace("\r", ""))
        for a, b in records
    ]
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(("who", "text"))
    writer.writerows(clean)
    data = file.getvalue().encode("utf-8", "replace")
    names = names_of(io.BytesIO(data), CSV)
    assert names == ("who", "text")
    found = all_rows(data, CSV, Columns(names=names, author="who"))
    wanted = [b.encode("utf-8", "replace").decode() for _, b in clean]
    assert [row.text for row in found] == wanted


@given(st.binary(max_size=2000))
def test_any_bytes_are_rows_with_a_reason(data: bytes) -> None:
    for kind in (JSON_LINES, CSV):
        for row in all_rows(data, kind, Columns(names=("text",))):
            assert row.reason is not None or isinstance(row.text, str)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text":"fine"}', None),
        (b'{"text":"fine","score":NaN}', None),
        (b'{"text":', Reason.CORRUPT),
        (b"", Reason.EMPTY),
        (b'{"text":5}', Reason.UNSUPPORTED_TYPE),
        (b'["text"]', Reason.UNSUPPORTED_TYPE),
        (b'{"text":"\\ud800"}', Reason.BAD_ENCODING),
        (b"\xff\xfe", Reason.BAD_ENCODING),
        (b"[" * 100_000, Reason.CORRUPT),
        (b'{"text":"' + b"x" * (rows.MAX_ROW_BYTES + 1) + b'"}', Reason.TOO_LARGE),
    ],
)
def test_a_broken_row_says_why(line: bytes, reason: Reason | None) -> None:
    (row,) = rows.rows(line + b"\n", JSON_LINES, Columns())
    assert row.reason is reason


def test_fields_inside_objects_are_named_with_dots() -> None:
    line = b'{"post":{"body":"hello"},"user":{"id":7}}\n'
    (row,) = rows.rows(line, JSON_LINES, Columns(text="post.body", author="user.id"))
    assert (row.text, row.author) == ("hello", "7")
