"""Many at once: order, retries after deaths, a clean stop, memory that does not grow."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verascope.errors import UsageError
from verascope.result import Input, Reason, Result, Status
from verascope.scan.pool import AHEAD, ATTEMPTS, WINDOW, Pool
from verascope.scan.sources import File, Source
from verascope.scanner import Known, Scanner
from verascope.settings import Quality, Settings

FAST = Settings(quality=Quality.FAST)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "a.png"
    pixels = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@dataclass(frozen=True)
class Slow:
    """A source that takes its time and says in which order it came."""

    uri: str
    seconds: float

    def stamp(self) -> str | None:
        return None

    def scan(self, scanner: Scanner, known: Known | None = None) -> Result:
        time.sleep(self.seconds)
        return Result(input=Input(uri=self.uri), status=Status.SCORED)


@dataclass(frozen=True)
class Deadly:
    """A source whose first attempts kill the worker that reads them: a real worker, really."""

    uri: str
    picture: Path
    deaths: int
    tries: list[int]

    def stamp(self) -> str | None:
        return None

    def scan(self, scanner: Scanner, known: Known | None = None) -> Result:
        self.tries.append(1)
        if len(self.tries) <= self.deaths:
            scanner.start()
            worker = scanner._sandbox._worker
            assert worker is not None
            os.kill(worker._process.pid, signal.SIGKILL)
            worker._process.wait()
        return scanner.scan(self.picture)


def test_results_come_in_order_although_the_first_takes_longest() -> None:
    sources: list[Source] = [Slow(str(k), 0.3 if k == 0 else 0.0) for k in range(40)]
    with Pool(FAST, 2) as pool:
        found = [result.input.uri for result in pool.run(sources)]
    assert found == [str(k) for k in range(40)]


def test_unordered_ones_come_as_they_are_done() -> None:
    sources: list[Source] = [Slow(str(k), 0.3 if k == 0 else 0.0) for k in range(40)]
    with Pool(FAST, 2) as pool:
        found = [result.input.uri for result in pool.run(sources, ordered=False)]
    assert sorted(found, key=int) == [str(k) for k in range(40)]
    assert found[-1] == "0"


def test_sources_are_taken_only_as_there_is_room() -> None:
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        while True:
            taken += 1
            yield Slow(str(taken), 0.0)

    with Pool(FAST, 2) as pool:
        results = pool.run(endless())
        for _ in range(500):
            next(results)
        assert taken <= 500 + WINDOW * 2 + AHEAD * 2


def test_a_worker_that_dies_once_is_replaced_and_its_input_read_again(picture: Path) -> None:
    tries: list[int] = []
    with Pool(FAST, 1) as pool:
        first, second = pool.run([Deadly("a", picture, 1, tries), File(str(picture))])
    assert (first.status, first.attempts, len(tries)) == (Status.SCORED, 2, 2)
    assert (second.status, second.attempts) == (Status.SCORED, 1)


def test_an_input_that_always_kills_its_worker_has_its_reason(picture: Path) -> None:
    tries: list[int] = []
    with Pool(FAST, 2) as pool:
        first, second = pool.run([Deadly("a", picture, 99, tries), File(str(picture))])
    assert (first.status, first.reason) == (Status.FAILED, Reason.WORKER_CRASHED)
    assert len(tries) == first.attempts == ATTEMPTS
    assert second.status is Status.SCORED


def test_a_first_interruption_finishes_what_was_begun_a_second_does_not() -> None:
    with Pool(FAST, 2) as pool:
        results = pool.run([Slow(str(k), 0.01) for k in range(1000)])
        found = [next(results).input.uri]
        pool.interrupt()
        found += [result.input.uri for result in results]
        assert 1 <= len(found) <= 1 + WINDOW * 2
        assert found == [str(k) for k in range(len(found))]
        with pytest.raises(KeyboardInterrupt):
            pool.interrupt()


def test_an_interruption_while_the_next_source_is_awaited() -> None:
    """A signal comes while the main thread waits for a pipe or a store."""

    def endless() -> Iterator[Source]:
        yield Slow("0", 0.0)
        time.sleep(60)
        yield Slow("1", 0.0)

    with Pool(FAST, 1) as pool:
        before = signal.signal(signal.SIGUSR1, lambda *_: pool.interrupt())
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        start = time.monotonic()
        try:
            found = list(pool.run(endless()))
        finally:
            signal.signal(signal.SIGUSR1, before)
    assert [result.input.uri for result in found] == ["0"]
    assert time.monotonic() - start < 30


def test_settings_that_cannot_be_are_told_before_anything_is_read() -> None:
    with Pool(Settings(detectors=("nope",)), 2) as pool, pytest.raises(UsageError, match="nope"):
        list(pool.run([Slow("a", 0.0)]))


def test_a_fault_of_ours_is_raised_and_leaves_no_worker(picture: Path) -> None:
    class Faulty(Slow):
        def scan(self, scanner: Scanner, known: Known | None = None) -> Result:
            raise ZeroDivisionError

    with Pool(FAST, 2) as pool, pytest.raises(ZeroDivisionError):
        list(pool.run([File(str(picture)), Faulty("b", 0.0), File(str(picture))]))
    assert all(scanner._sandbox._worker is None for scanner in pool._scanners)
    assert not any(thread.is_alive() for thread in pool._threads)


def test_what_nobody_took_is_cancelled_when_it_closes() -> None:
    with Pool(FAST, 1) as pool:
        told = [pool.submit(Slow(str(k), 0.2)) for k in range(20)]
        assert told[0].result().input.uri == "0"
    assert all(future.done() for future in told)
    assert told[-1].cancelled()


def test_scores_are_the_same_whoever_judges(picture: Path) -> None:
    with Scanner(FAST) as scanner:
        alone = scanner.scan(picture).score
    with Pool(FAST, 3) as pool:
        assert {result.score for result in pool.run([File(str(picture))] * 20)} == {alone}
