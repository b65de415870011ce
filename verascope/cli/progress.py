"""How far a run is, on standard error.

On a terminal one line that is written over, elsewhere now and then a line for the log.
"""

import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import click

from verascope.result import Result

EVERY_S = {True: 0.2, False: 60.0}  # on a terminal, and elsewhere
RECENT = 0.9  # how much of the rate is carried on from one line to the next


class Progress:
    """Counts Results and shows: how many of how many, rate, time left, verdicts and reasons.

    Args:
        total: counts all inputs; it runs in a thread of its own, and until it is done no time left
            is shown. None where nobody can know.
    """

    def __init__(self, total: Callable[[], int] | None = None) -> None:
        self._terminal = sys.stderr.isatty()
        self._counts: Counter[str] = Counter()
        self._done = self._shown_done = 0
        self._since = self._shown = time.monotonic()
        self._rate = 0.0
        self._total: int | None = None
        if total is not None:
            threading.Thread(target=self._count, args=(total,), daemon=True).start()

    def add(self, result: Result) -> None:
        """Count one Result; shows where it is time to."""
        self._done += 1
        self._counts[result.verdict or f"{result.status} ({result.reason})"] += 1
        now = time.monotonic()
        if now - self._shown >= EVERY_S[self._terminal]:
            self._show(now)

    def close(self) -> None:
        """Clear the line."""
        if self._terminal:
            click.echo("\r\x1b[K", err=True, nl=False)

    def line(self) -> str:
        """How far it is."""
        of = "" if self._total is None else f" of {self._total:,}"
        counts = ", ".join(f"{number:,} {name}" for name, number in self._counts.most_common(6))
        return f"{self._done:,}{of} · {self._rate:,.1f}/s{self._left()} · {counts}"

    def _show(self, now: float) -> None:
        fresh = (self._done - self._shown_done) / (now - self._shown)
        self._rate = RECENT * self._rate + (1 - RECENT) * fresh if self._rate else fresh
        self._shown, self._shown_done = now, self._done
        if self._terminal:
            text = self.line()[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r{text}\x1b[K", err=True, nl=False)
        else:
            click.echo(self.line(), err=True)

    def _left(self) -> str:
        if self._total is None or not self._rate:
            return ""
        seconds = round(max(0, self._total - self._done) / self._rate)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return f" · {hours}:{minutes:02}:{seconds % 60:02} left"

    def _count(self, total: Callable[[], int]) -> None:
        self._total = total()
