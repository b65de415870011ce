"""What is told of a table of texts: where some of its rows are, and in which columns to look.

Apart from rows.py, so that whoever only asks imports nothing of what reads tables.
"""

from msgspec import Struct

JSON_LINES, CSV, TSV = "jsonl", "csv", "tsv"
KINDS = {".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".csv": CSV, ".tsv": TSV}


class Span(Struct, frozen=True):
    """Some rows: from one byte to another, the number of the first (from 1), and how many."""

    start: int
    end: int
    first: int
    rows: int


class Columns(Struct, frozen=True, kw_only=True):
    """Where the text of a row is, and its author; of CSV also the names of all columns."""

    text: str = "text"
    author: str | None = None
    names: tuple[str, ...] = ()


def kind_of(name: str) -> str | None:
    """What kind of table a file is by its name; None: none."""
    return next((kind for suffix, kind in KINDS.items() if name.lower().endswith(suffix)), None)
