"""Results for machines: JSON Lines and CSV, one flushed line an input; Parquet and SARIF, whole."""

import csv
import json
from typing import Any, Protocol, TextIO

from verascope.errors import MissingExtraError
from verascope.result import Result, Status, Verdict

FLAT: dict[str, str] = {  # column to its type in Parquet
    "uri": "string",
    "status": "string",
    "reason": "string",
    "verdict": "string",
    "extent": "string",
    "score": "float64",
    "interval_low": "float64",
    "interval_high": "float64",
    "provenance": "string",
    "media_type": "string",
    "width": "int64",
    "height": "int64",
    "bytes": "int64",
    "sha256": "string",
    "warnings": "string",
    "detail": "string",
    "action": "string",
    "rule": "string",
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
ROW_GROUP = 5000  # rows of Parquet that are held before they are written


class Output(Protocol):
    """Takes Results one by one."""

    def write(self, result: Result) -> None:
        """Write one Result; where the format allows it, it is flushed at once."""

    def close(self) -> None:
        """Write what the format wants at its end."""


class JsonLines:
    """One Result a line, nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, result: Result) -> None:
        """Write one Result and flush it."""
        self._stream.write(result.to_json().decode() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write."""


class Csv:
    """One row an input, for spreadsheets; cells that would be formulas are quoted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer = csv.DictWriter(stream, tuple(FLAT))  # CRLF, so that both are quoted
        self._writer.writeheader()

    def write(self, result: Result) -> None:
        """Write one row and flush it."""
        self._writer.writerow({name: _cell(value) for name, value in flat(result).items()})
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write."""


class Parquet:
    """The columns of the CSV, typed, for data frames.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, stream: TextIO) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise MissingExtraError("pyarrow", "parquet") from None
        self._arrow = pyarrow
        self._schema = pyarrow.schema(list(FLAT.items()))
        self._writer = parquet.ParquetWriter(stream.buffer, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, result: Result) -> None:
        """Keep one row; thousands are written together."""
        self._rows.append(flat(result))
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write the rows that are left, and the file's end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
            self._rows = []


KINDS = {Verdict.SYNTHETIC: "fail", Verdict.INCONCLUSIVE: "review"}
UNJUDGED = {Status.SKIPPED: "notApplicable", Status.FAILED: "open"}
SARIF_HEAD = {
    "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
    "version": "2.1.0",
}


class Sarif:
    """SARIF 2.1.0, for tools that show findings: `synthetic` fails, `inconclusive` is to review."""

    def __init__(self, stream: TextIO) -> None:
        from verascope import __version__

        self._stream = stream
        self._first = True
        driver = {"name": "verascope", "version": __version__}
        head = json.dumps(SARIF_HEAD)[:-1]
        tool = json.dumps({"driver": driver})
        stream.write(f'{head}, "runs": [{{"tool": {tool}, "results": [')

    def write(self, result: Result) -> None:
        """Write one result of SARIF."""
        self._stream.write(("\n" if self._first else ",\n") + json.dumps(_finding(result)))
        self._first = False
        self._stream.flush()

    def close(self) -> None:
        """Write the end of the document."""
        self._stream.write("\n]}]}\n")
        self._stream.flush()


def flat(result: Result) -> dict[str, Any]:
    """A Result in one row: what fits in a table."""
    low, high = result.interval or (None, None)
    return {
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
        "action": result.policy.action if result.policy else None,
        "rule": result.policy.rule if result.policy else None,
    }


def _cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula, made a text again (OWASP)."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def _finding(result: Result) -> dict[str, Any]:
    """A Result as SARIF has it."""
    kind = KINDS.get(result.verdict, "pass") if result.verdict else UNJUDGED.get(result.status)
    statements = [each.statement for each in result.evidence] or [result.detail or "not judged"]
    found: dict[str, Any] = {
        "ruleId": result.rule or result.reason or "none",
        "kind": kind or "pass",
        "level": "warning" if kind == "fail" else "none",
        "message": {"text": " ".join(statements)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(result)}}}],
        "properties": {key: value for key, value in flat(result).items() if value is not None},
    }
    if result.input.sha256:
        found["partialFingerprints"] = {"sha256": result.input.sha256}
    return found


def _uri(result: Result) -> str:
    """A name as a URI reference, which may hold no space."""
    from urllib.parse import quote

    return quote(result.input.uri, safe="/:#?&=%+,;@~")
