"""The queue: a table in SQLite. Leases, attempts, dead letters; one statement claims.

At least once: a worker that goes silent loses its lease and the item is given to another. Exactly
one result each, since results are kept by item.
"""

import sqlite3
import threading
import time
from pathlib import Path
from typing import NamedTuple, Protocol

FILE = "queue.sqlite"
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS jobs (
  item TEXT PRIMARY KEY, due REAL NOT NULL, leased_until REAL, attempts INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0, error TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (dead, due);
"""
CLAIM = """
UPDATE jobs SET leased_until = :until, attempts = attempts + 1 WHERE item IN (
  SELECT item FROM jobs WHERE dead = 0 AND due <= :now AND coalesce(leased_until, 0) <= :now
  ORDER BY due LIMIT :most
) RETURNING item, attempts
"""


class Job(NamedTuple):
    """An item to judge, and which attempt it is."""

    item: str
    attempt: int


class Dead(NamedTuple):
    """An item that was given up, and why."""

    item: str
    attempts: int
    error: str | None


class Jobs(Protocol):
    """What waits to be judged: Queue, on this machine, or RedisQueue, for several."""

    def add(self, item: str) -> None:
        """Let an item wait; one that waits already stays where it is."""

    def claim(self, most: int) -> list[Job]:
        """Some jobs that are due, for one lease each."""

    def renew(self, items: list[str]) -> None:
        """Keep the leases of jobs that are at work."""

    def release(self) -> None:
        """End leases that nobody holds any more."""

    def done(self, item: str) -> None:
        """Take an item out."""

    def failed(self, job: Job, error: str) -> bool:
        """Give a job back; returns whether it is given up."""

    def waiting(self) -> int:
        """How many wait or are at work."""

    def oldest_s(self) -> float:
        """For how long the oldest has waited."""

    def dead(self) -> list[Dead]:
        """The dead letters."""

    def replay(self, item: str) -> bool:
        """Let a dead letter be tried anew."""

    def close(self) -> None:
        """Let go of it."""


class Queue:
    """Jobs on disk. Usable from several threads and processes."""

    def __init__(self, path: Path, *, lease_s: float = 60.0, attempts: int = 3) -> None:
        self._lease_s = lease_s
        self._attempts = attempts
        self._lock = threading.Lock()
        self._base = sqlite3.connect(
            path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._base.executescript(SCHEMA)

    def add(self, item: str) -> None:
        """Let an item wait to be judged; one that waits already stays where it is."""
        self._do("INSERT OR IGNORE INTO jobs (item, due) VALUES (?, ?)", (item, time.time()))

    def claim(self, most: int) -> list[Job]:
        """Some jobs that are due, for one lease each."""
        now = time.time()
        given = {"until": now + self._lease_s, "now": now, "most": most}
        with self._lock:
            return [Job(*row) for row in self._base.execute(CLAIM, given).fetchall()]

    def renew(self, items: list[str]) -> None:
        """Keep the leases of jobs that are at work."""
        until = time.time() + self._lease_s
        with self._lock:
            self._base.executemany(
                "UPDATE jobs SET leased_until = ? WHERE item = ?", [(until, each) for each in items]
            )

    def release(self) -> None:
        """End every lease: for a start after a kill, by the only one who works on this queue."""
        self._do("UPDATE jobs SET leased_until = NULL", ())

    def done(self, item: str) -> None:
        """Take an item out."""
        self._do("DELETE FROM jobs WHERE item = ?", (item,))

    def failed(self, job: Job, error: str) -> bool:
        """Give a job back to be tried again, later each time; returns whether it is given up."""
        dead = job.attempt >= self._attempts
        due = time.time() + 2.0**job.attempt
        self._do(
            "UPDATE jobs SET leased_until = NULL, due = ?, dead = ?, error = ? WHERE item = ?",
            (due, int(dead), error, job.item),
        )
        return dead

    def waiting(self) -> int:
        """How many wait or are at work."""
        return int(self._one("SELECT count(*) FROM jobs WHERE dead = 0") or 0)

    def oldest_s(self) -> float:
        """For how long the oldest has waited."""
        due = self._one("SELECT min(due) FROM jobs WHERE dead = 0")
        return max(0.0, time.time() - float(due)) if due is not None else 0.0

    def dead(self) -> list[Dead]:
        """The dead letters."""
        with self._lock:
            rows = self._base.execute(
                "SELECT item, attempts, error FROM jobs WHERE dead = 1 ORDER BY due"
            ).fetchall()
        return [Dead(*row) for row in rows]

    def replay(self, item: str) -> bool:
        """Let a dead letter be tried anew; returns whether there was one."""
        query = (
            "UPDATE jobs SET dead = 0, attempts = 0, due = ?, error = NULL WHERE item = ? AND dead"
        )
        with self._lock:
            return self._base.execute(query, (time.time(), item)).rowcount > 0

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _do(self, query: str, values: tuple[object, ...]) -> None:
        with self._lock:
            self._base.execute(query, values)

    def _one(self, query: str) -> int | float | None:
        with self._lock:
            found: int | float | None = self._base.execute(query).fetchone()[0]
        return found


def open_queue(data: Path, url: str | None, *, lease_s: float = 60.0, attempts: int = 3) -> Jobs:
    """The queue at a URL, or the one in the data folder."""
    if url is None:
        return Queue(data / FILE, lease_s=lease_s, attempts=attempts)
    from verascope.serve.redis_queue import RedisQueue

    return RedisQueue(url, lease_s=lease_s, attempts=attempts)
