"""The folder of a run: what was asked, the journal, the results, and what they came to.

    run.json       options, versions, models
    journal.sqlite what is done (journal.py)
    results.jsonl  one Result a line
    summary.json   counts, and how the run ended

A run that was stopped, killed, repeated or widened goes on where it was: a finished input whose
stamp has not changed is passed over, and content that was judged is not judged again.
"""

import fcntl
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from verascope.errors import UsageError, VerascopeError
from verascope.result import Result
from verascope.scan.journal import Journal, Place
from verascope.scan.pool import DEATHS
from verascope.scan.results import RESULTS
from verascope.scan.sources import Source
from verascope.scan.tally import Tally

FACTS = "run.json"
JOURNAL = "journal.sqlite"
SUMMARY = "summary.json"
LOCK = "lock"


class RunFolder:
    """A run on disk, and the output of one that is under way. A context manager.

    Args:
        path: of the folder; made where there is none.
        facts: what was asked and with what: `Scanner.identity()` under "identity", and more.
        resume: go on with a run that lies there.
        retry: take inputs for new that failed because a worker died.
    """

    def __init__(
        self, path: Path, facts: dict[str, Any], *, resume: bool = False, retry: bool = False
    ) -> None:
        self.path = path
        self._retry = retry
        self._stamps: dict[str, str | None] = {}  # of what is under way
        self._claims: dict[str, Future[Result]] = {}  # content that is under way
        self._claiming = threading.Lock()
        self._since = time.monotonic()
        path.mkdir(parents=True, exist_ok=True)
        self._lock = (path / LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another process is writing to {path}") from error
        _claim(path, facts, resume)
        self._journal = Journal(path / JOURNAL)
        self._results = (path / RESULTS).open("ab+", buffering=0)
        self._end = self._repaired()

    def fresh(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The sources that are not done yet, each name once."""
        for source in sources:
            uri, stamp = source.uri, source.stamp()
            if uri not in self._stamps and not self._is_done(uri, stamp):
                self._stamps[uri] = stamp
                yield source

    def known(self, sha256: str) -> Result | None:
        """The Result of the same content, waited for where it is under way.

        Where there is none, whoever asked will make it, and others wait. Called by the pool's
        threads.
        """
        with self._claiming:
            claim = self._claims.get(sha256)
            if claim is None:
                place = self._journal.with_content(sha256)
                if place is not None:
                    return self._read(place)
                self._claims[sha256] = Future()
                return None
        return claim.result()

    def made(self, result: Result) -> None:
        """Give a Result to those that wait for its content. Called by the pool's threads."""
        with self._claiming:
            claim = self._claims.get(result.input.sha256 or "")
        if claim is not None and not claim.done():
            claim.set_result(result)

    def add(self, result: Result) -> None:
        """Write a Result: its line, then its row in the journal.

        Raises:
            VerascopeError: the disk is full, or the like; the run can be gone on with.
        """
        stamp = self._stamps.pop(result.input.uri, None)
        line = b"" if self._is_told(result) else result.to_json() + b"\n"
        try:
            if line:
                self._write(line)
                self._journal.add(result, stamp, Place(self._end, len(line)))
            else:
                self._journal.stamp(result.input.uri, stamp)
        except (OSError, sqlite3.Error) as error:
            raise VerascopeError(
                f"{self.path} cannot be written: {error}; everything before is safe in it, and "
                "the same command with --resume goes on"
            ) from error
        self._end += len(line)
        with self._claiming:
            self._claims.pop(result.input.sha256 or "", None)

    def finish(self, state: str) -> dict[str, Any]:
        """Write what the run came to; returns it. `state` is finished or interrupted."""
        counts = self._journal.counts()
        summary = {
            "state": state,
            "inputs": sum(count.number for count in counts),
            "counts": [count._asdict() for count in counts],
            "seconds": round(time.monotonic() - self._since, 3),
        }
        _replace(self.path / SUMMARY, summary)
        return summary

    def tally(self, tally: Tally) -> None:
        """Count everything that is in the journal."""
        for count in self._journal.counts():
            tally.count(*count)

    def close(self) -> None:
        """Close the files."""
        with self._claiming:
            for claim in self._claims.values():
                claim.cancel()
        self._journal.close()
        self._results.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _is_done(self, uri: str, stamp: str | None) -> bool:
        found = self._journal.done(uri)
        if found is None or stamp is None or found.stamp != stamp:
            return False
        return not (self._retry and found.reason in DEATHS)

    def _is_told(self, result: Result) -> bool:
        """Whether the results hold this already: the same content, come to the same."""
        found = self._journal.done(result.input.uri)
        now = (result.input.sha256, result.status, result.reason)
        return found is not None and found[1:] == now

    def _repaired(self) -> int:
        """Make results and journal agree; returns where the next line begins."""
        size = os.fstat(self._results.fileno()).st_size
        if size < self._journal.end:  # the machine went down before all of it was on the disk
            self._journal.cut(size)
        end = self._journal.end
        self._results.truncate(end)
        return end

    def _read(self, place: Place) -> Result:
        return Result.from_json(os.pread(self._results.fileno(), place.length, place.start))

    def _write(self, line: bytes) -> None:
        """All of a line, or none of it where the disk is full."""
        written = 0
        while written < len(line):
            written += os.write(self._results.fileno(), line[written:])


def _claim(path: Path, facts: dict[str, Any], resume: bool) -> None:
    """Make the folder this run's, or see that it is one that can be gone on with.

    Raises:
        UsageError: it is another run's.
    """
    facts = facts | {"key": key_of(facts["identity"])}
    file = path / FACTS
    if not file.is_file():
        others = sorted(each.name for each in path.iterdir() if each.name != LOCK)
        if others:
            raise UsageError(f"{path} holds {others[0]} and no run; choose another folder")
        _replace(file, facts)
        return
    if not resume:
        raise UsageError(f"{path} holds a run; go on with it by --resume, or choose another folder")
    try:
        then = msgspec.json.decode(file.read_bytes())
        same, other = then["key"] == facts["key"], then["identity"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise UsageError(f"{file} is damaged: {error}") from error
    if not same:
        changed = ", ".join(_changes(other, facts["identity"]))
        raise UsageError(
            f"{path} was begun with another {changed}; what is in it would not be comparable. "
            "Go on with what it was begun with, or choose another folder"
        )


def key_of(identity: dict[str, Any]) -> str:
    """One hash over all that decides what a scan answers."""
    return hashlib.sha256(msgspec.json.encode(identity, order="sorted")).hexdigest()


def _changes(then: Any, now: Any, name: str = "") -> Iterator[str]:
    """What differs, by name."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _changes(then.get(key), now.get(key), f"{name}.{key}" if name else str(key))
    elif msgspec.json.encode(then) != msgspec.json.encode(now):
        yield name.removeprefix("settings.")


def _replace(file: Path, value: Any) -> None:
    part = file.with_name(file.name + ".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
    part.replace(file)
