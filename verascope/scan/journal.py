"""The journal of a run: which inputs are done, by name and by content, in SQLite.

Write-ahead logging; one commit for each Result, after its line was written, so that a kill at any
moment leaves at most one line that the journal does not know, which is cut off when the run goes
on. `results.jsonl` holds the Results, the journal where each one lies in it.
"""

import sqlite3
import threading
from pathlib import Path
from typing import Any, NamedTuple

from verascope.errors import UsageError
from verascope.result import Result

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS done (
  uri TEXT PRIMARY KEY, stamp TEXT, sha256 TEXT, status TEXT NOT NULL, reason TEXT, verdict TEXT,
  action TEXT, start INTEGER NOT NULL, length INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_content ON done (sha256) WHERE verdict IS NOT NULL;
CREATE TABLE IF NOT EXISTS ends (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL);
INSERT OR IGNORE INTO ends VALUES (1, 0);
"""
INSERT = "INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
BUSY_S = 30.0


class Place(NamedTuple):
    """Where a line lies in the results."""

    start: int
    length: int


class Done(NamedTuple):
    """What an input came to, and the stamp that it had."""

    stamp: str | None
    sha256: str | None
    status: str
    reason: str | None


class Count(NamedTuple):
    """How many inputs came to this."""

    status: str
    reason: str | None
    verdict: str | None
    action: str | None
    number: int


class Journal:
    """What is done. Usable from several threads."""

    def __init__(self, path: Path) -> None:
        """Open, or make.

        Raises:
            UsageError: the file is no journal.
        """
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._base.executescript(SCHEMA)
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path} is no journal that can be opened: {error}") from error

    def close(self) -> None:
        """Close it; everything was written before."""
        self._base.close()

    @property
    def end(self) -> int:
        """Up to where the results are known to the journal, in bytes."""
        row = self._row("SELECT at FROM ends", ())
        return 0 if row is None else int(row[0])

    def done(self, uri: str) -> "Done | None":
        """What an input came to; None where it is not done."""
        row = self._row("SELECT stamp, sha256, status, reason FROM done WHERE uri = ?", (uri,))
        return None if row is None else Done(*row)

    def with_content(self, sha256: str) -> Place | None:
        """Where the Result of an input of this content lies, if one has a verdict."""
        row = self._row(
            "SELECT start, length FROM done WHERE sha256 = ? AND verdict IS NOT NULL LIMIT 1",
            (sha256,),
        )
        return None if row is None else Place(*row)

    def add(self, result: Result, stamp: str | None, place: Place) -> None:
        """Note a Result whose line was written."""
        values = (
            result.input.uri,
            stamp,
            result.input.sha256,
            result.status.value,
            result.reason.value if result.reason else None,
            result.verdict.value if result.verdict else None,
            result.policy.action if result.policy else None,
            *place,
        )
        with self._lock:
            self._base.execute("BEGIN")
            self._base.execute(INSERT, values)
            self._base.execute("UPDATE ends SET at = ?", (place.start + place.length,))
            self._base.execute("COMMIT")

    def stamp(self, uri: str, stamp: str | None) -> None:
        """Note that an input is as it was, under another stamp."""
        with self._lock:
            self._base.execute("UPDATE done SET stamp = ? WHERE uri = ?", (stamp, uri))

    def cut(self, size: int) -> None:
        """Forget what lies behind the end of a results file that lost some of it."""
        with self._lock:
            self._base.execute("BEGIN")
            self._base.execute("DELETE FROM done WHERE start + length > ?", (size,))
            self._base.execute(
                "UPDATE ends SET at = (SELECT ifnull(max(start + length), 0) FROM done)"
            )
            self._base.execute("COMMIT")

    def counts(self) -> list[Count]:
        """How many inputs came to what."""
        columns = "status, reason, verdict, action"
        query = f"SELECT {columns}, count(*) FROM done GROUP BY {columns} ORDER BY 5 DESC"
        with self._lock:
            return [Count(*row) for row in self._base.execute(query)]

    def _row(self, query: str, values: tuple[object, ...]) -> Any:
        with self._lock:
            return self._base.execute(query, values).fetchone()
