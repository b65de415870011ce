"""Results as a table for people: one line an input, printed as it comes."""

from typing import TextIO

import click

from verascope.cli.escape import printable
from verascope.result import Result, Verdict

HEAD = f"{'VERDICT':<14} {'SCORE (95 %)':<18} {'CREDENTIAL':<16} INPUT"
COLOURS = {
    Verdict.SYNTHETIC: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.AUTHENTICATED: "green",
}


class Table:
    """A table row for each Result; what could not be judged says why instead of a score."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stream.write(HEAD + "\n")

    def write(self, result: Result) -> None:
        """Write one row and flush it."""
        word = f"{result.verdict or result.status:<14}"
        colour = COLOURS.get(result.verdict) if result.verdict else None
        styled = click.style(word, fg=colour) if colour else word
        outcome = result.provenance.outcome if result.provenance else "-"
        name = printable(result.input.uri)
        line = f"{styled} {_score(result):<18} {outcome:<16} {name}{_remark(result)}\n"
        click.echo(line, file=self._stream, nl=False)  # drops the colours unless on a terminal
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write."""


def _score(result: Result) -> str:
    if result.score is None or result.interval is None:
        return result.reason or "-"
    low, high = result.interval
    return f"{result.score:.2f} ({low:.2f}-{high:.2f})"


def _remark(result: Result) -> str:
    """What a reader would ask next: why not, or what else was odd."""
    remarks = [*([result.detail] if result.detail else []), *result.warnings]
    return f"  [{printable('; '.join(remarks))}]" if remarks else ""
