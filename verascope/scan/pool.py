"""Many inputs at once: threads, each with a Scanner and so with an isolated worker of its own.

A thread waits for its worker or runs the models, which let go of the interpreter meanwhile, so as
many threads as cores keep these busy. All take from one queue, so dear inputs hold up nobody. A
worker that dies is replaced, and its input tried once more; then it has its reason.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from verascope.result import Reason, Result, Status
from verascope.scan.sources import Source
from verascope.scan.tables import Rows
from verascope.scanner import Known, Scanner
from verascope.settings import Settings

ATTEMPTS = 2
DEATHS = frozenset({Reason.WORKER_CRASHED, Reason.TIMEOUT})  # of a worker; it may have been chance
AHEAD = 2  # inputs handed out for each worker: the one that it is at, and the next
WINDOW = 64  # results for each worker that may wait for an earlier one
CLOSING_S = 5.0  # that a thread gets to see that its worker is gone


class Engine(Protocol):
    """Whoever judges many sources: the Pool of this machine, or Ray's actors."""

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""

    def run(self, sources: Iterable[Source], *, ordered: bool = True) -> Iterator[Result]:
        """Each source's Result, in the sources' order or as they come."""

    def interrupt(self) -> None:
        """Stop, in a way that loses nothing that was told. For a signal's handler."""

    def __enter__(self) -> Self:
        """Start, or be ready to."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """End every process."""


class _NoMoreError(Exception):
    """Waiting for the next source was broken off."""


class Pool:
    """Judges sources on several workers. A context manager; workers start as they are needed.

    Args:
        settings: of every Scanner.
        jobs: the most inputs at once.
        known: as for Scanner.scan; called by the pool's threads.
        made: told each Result as soon as it is there, by the pool's threads.
    """

    def __init__(
        self,
        settings: Settings,
        jobs: int = 1,
        *,
        known: Known | None = None,
        made: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._known = known
        self._made = made
        self._scanners: list[Scanner] = []
        self._threads: list[threading.Thread] = []
        self._given: queue.SimpleQueue[tuple[Source, Future[Any]] | None] = queue.SimpleQueue()
        self._hiring = threading.Lock()
        self._stopping = self._taking = self._closed = False

    def start(self) -> None:
        """Start the first worker and load the models; else the first source does so."""
        with self._hiring:
            if not self._threads:
                self._hire()

    def submit(self, source: Source) -> "Future[Any]":
        """Give one source to whoever is free first. May be called by any thread.

        What it comes to is a Result; of the rows of a table, a list of them.

        Raises:
            VerascopeError: the settings cannot be.
        """
        with self._hiring:
            if len(self._threads) < self._jobs:
                self._hire()
        told: Future[Any] = Future()
        self._given.put((source, told))
        return told

    def run(self, sources: Iterable[Source], *, ordered: bool = True) -> Iterator[Result]:
        """Each source's Result, in the sources' order or as they come.

        Memory does not grow with the number of sources: they are taken as there is room.

        Raises:
            VerascopeError: the settings cannot be.
        """
        waiting, held = enumerate(sources), dict[int, Any]()
        done: queue.SimpleQueue[tuple[int, Future[Any]]] = queue.SimpleQueue()
        begun = finished = told = 0
        more = True
        while True:
            while more and not self._stopping and self._room(begun, finished, told):
                task = self._next(waiting)
                more = task is not None
                if task is not None:
                    index, source = task
                    self.submit(source).add_done_callback(partial(_announce, done, index))
                    begun += 1
            if finished == begun:  # all that was begun is told, since nothing earlier is missing
                return
            index, future = done.get()
            result = future.result()
            finished += 1
            if not ordered:
                told += 1
                yield from several(result)
                continue
            held[index] = result
            while told in held:
                told += 1
                yield from several(held.pop(told - 1))

    def interrupt(self) -> None:
        """Take no more sources; those that were begun are finished. For a signal's handler.

        Raises:
            KeyboardInterrupt: it is the second time.
        """
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True
        if self._taking:  # a source may be long in coming, from a pipe or a store
            raise _NoMoreError

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    def close(self) -> None:
        """Kill the workers."""
        self._closed = True
        for _ in self._threads:
            self._given.put(None)
        for scanner in self._scanners:
            scanner.close()
        for thread in self._threads:
            thread.join(CLOSING_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _next(self, waiting: Iterator[tuple[int, Source]]) -> tuple[int, Source] | None:
        try:
            self._taking = True
            return next(waiting, None)
        except _NoMoreError:
            return None
        finally:
            self._taking = False

    def _room(self, begun: int, finished: int, told: int) -> bool:
        return begun - finished < AHEAD * self._jobs and begun - told < WINDOW * self._jobs

    def _hire(self) -> None:
        """One more thread, with a Scanner of its own that shares the first one's models."""
        first = self._scanners[0] if self._scanners else None
        scanner = Scanner(self._settings, models=first)
        if first is None:
            scanner.start()  # here, so that settings that cannot be are told at once
        self._scanners.append(scanner)
        thread = threading.Thread(target=self._work, args=(scanner,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, scanner: Scanner) -> None:
        """A thread's life; at its end no worker is left, also one that began during `close`."""
        with scanner:
            while (task := self._given.get()) is not None:
                source, told = task
                if self._closed:
                    told.cancel()  # so that nobody waits for it for ever
                    continue
                try:
                    result = judged_all(scanner, source, self._known, lambda: not self._closed)
                    for each in several(result):
                        self._made(each)
                except BaseException as error:  # noqa: BLE001 - the thread's boundary
                    told.set_exception(error)
                else:
                    told.set_result(result)


def _announce(
    done: "queue.SimpleQueue[tuple[int, Future[Any]]]", index: int, future: "Future[Any]"
) -> None:
    done.put((index, future))


def several(result: Result | list[Result]) -> Sequence[Result]:
    """What a source came to, as a sequence."""
    return result if isinstance(result, list) else (result,)


def judged_all(
    scanner: Scanner, source: Source, known: Known | None, wanted: Callable[[], bool]
) -> Result | list[Result]:
    """A source's Result, or its rows'; see `judged`."""
    if not isinstance(source, Rows):
        return judged(scanner, source, known, wanted)
    results = source.scan_rows(scanner)
    if all(result.reason in DEATHS for result in results) and wanted():
        again = source.scan_rows(scanner)
        results = [msgspec.structs.replace(result, attempts=2) for result in again]
    return results


def judged(
    scanner: Scanner,
    source: Source,
    known: Known | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Result:
    """A source's Result, of a second attempt where the first one killed the worker.

    Args:
        scanner: judges.
        source: the input.
        known: as for Scanner.scan.
        wanted: whether another attempt is still worth it.
    """
    result = source.scan(scanner, known)
    for attempt in range(2, ATTEMPTS + 1):
        if result.status is not Status.FAILED or result.reason not in DEATHS or not wanted():
            break
        again = source.scan(scanner, known)
        result = msgspec.structs.replace(again, attempts=attempt)
    return result
