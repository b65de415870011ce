"""Results for machines: JSON Lines and CSV, one flushed line an input."""

import csv
from typing import Protocol, TextIO

from verascope.result import Result

CSV_FIELDS = (
    "uri",
    "status",
    "reason",
    "verdict",
    "extent",
    "score",
    "interval_low",
    "interval_high",
    "provenance",
    "media_type",
    "width",
    "height",
    "bytes",
    "sha256",
    "warnings",
    "detail",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Output(Protocol):
    """Takes Results one by one and writes each at once."""

    def write(self, result: Result) -> None:
        """Write one Result and flush it."""


class JsonLines:
    """One Result a line, nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, result: Result) -> None:
        """Write one Result and flush it."""
        self._stream.write(result.to_json().decode() + "\n")
        self._stream.flush()


class Csv:
    """One row an input, for spreadsheets; cells that would be formulas are quoted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer = csv.DictWriter(stream, CSV_FIELDS)  # CRLF, so that both are quoted
        self._writer.writeheader()

    def write(self, result: Result) -> None:
        """Write one row and flush it."""
        low, high = result.interval or (None, None)
        row = {
            "uri": result.input.uri,
            "status": result.status,
            "reason": result.reason,
            "verdict": result.verdict,
            "extent": result.extent,
            "score": result.score,
            "interval_low": low,
            "interval_high": high,
            "provenance": result.provenance.outcome if result.provenance else None,
            "media_type": result.input.media_type,
            "width": result.input.width,
            "height": result.input.height,
            "bytes": result.input.bytes,
            "sha256": result.input.sha256,
            "warnings": " ".join(result.warnings),
            "detail": result.detail,
        }
        self._writer.writerow({name: _cell(value) for name, value in row.items()})
        self._stream.flush()


def _cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula, made a text again (OWASP)."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
