"""The work on Ray: the same Results, also when an actor or a worker is killed. Needs ray."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from verascope.result import Reason, Result, Status
from verascope.scan.pool import Pool
from verascope.scan.sources import File, Source
from verascope.scan.walk import expand
from verascope.scanner import Known, Scanner
from verascope.settings import Quality, Settings

ray_engine = pytest.importorskip("verascope.scan.ray_engine")
pytest.importorskip("ray.data", reason="ray is not installed (the extra `ray`)")
FAST = Settings(quality=Quality.FAST)
NUMBER = 1000


@dataclass(frozen=True)
class Poison:
    """A source that kills the worker that reads it, every time."""

    uri: str

    def stamp(self) -> str | None:
        return None

    def scan(self, scanner: Scanner, known: Known | None = None) -> Result:
        scanner.start()
        worker = scanner._sandbox._worker
        assert worker is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
        return scanner.scan(self.uri)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ray")
    draw = np.random.default_rng(1)
    for k in range(NUMBER):
        pixels = draw.integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:04}.png", compress_level=0)
    return folder


@pytest.fixture(scope="module")
def pool() -> Iterator[Any]:
    with ray_engine.RayPool(FAST, 2) as found:
        yield found


def bare(result: Result) -> dict[str, Any]:
    """All but the time that it took."""
    found: dict[str, Any] = json.loads(result.to_json())
    del found["timing"]
    return found


@pytest.mark.slow
def test_a_run_on_ray_equals_a_local_one(pool: Any, pictures: Path) -> None:
    with Pool(FAST, 2) as local:
        here = [bare(result) for result in local.run(expand([str(pictures)]))]
    there = [bare(result) for result in pool.run(expand([str(pictures)]))]
    assert len(there) == NUMBER
    assert there == here  # in order, too


@pytest.mark.slow
def test_a_killed_actor_and_a_poisoned_item_do_not_stop_it(pool: Any, pictures: Path) -> None:
    files: list[Source] = [File(str(path)) for path in sorted(pictures.iterdir())[:300]]
    files.insert(100, Poison(str(pictures / "0000.png")))
    killed: list[int] = []
    killer = threading.Thread(target=_kill_an_actor, args=(killed,))
    killer.start()
    found = list(pool.run(files, ordered=False))
    killer.join()
    assert killed
    assert len(found) == 301
    (bad,) = [result for result in found if result.status is not Status.SCORED]
    assert (bad.reason, bad.attempts) == (Reason.WORKER_CRASHED, 2)


def _kill_an_actor(killed: list[int]) -> None:
    """The first of Ray's processes that holds an actor of ours, once it is at work."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                name = command.read_bytes()
            except OSError:
                continue
            if b"MapWorker" in name and b"__init__" not in name:
                killed.append(int(command.parent.name))
                os.kill(killed[0], signal.SIGKILL)
                return
        time.sleep(0.1)
