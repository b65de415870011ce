"""Batches out of many threads: the same answers, fewer runs, errors to those they belong to."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verascope.detect.image_residual import ImageResidual
from verascope.detect.merge import Merged
from verascope.errors import UsageError
from verascope.scan.pool import Pool
from verascope.scan.sources import File
from verascope.settings import Quality, Settings


class Slow:
    """A session that takes its time, and tells how many rows each run had."""

    def __init__(self) -> None:
        self.runs: list[int] = []

    def get_inputs(self) -> list[Any]:
        return []

    get_outputs = get_inputs

    def run(self, names: list[str] | None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        (rows,) = given.values()
        self.runs.append(len(rows))
        time.sleep(0.02)
        if (rows < 0).any():
            raise ValueError("negative")
        return [rows * 2, rows * 3][: 1 if names else 2]


def test_calls_of_many_threads_become_batches_within_the_limit() -> None:
    slow = Slow()
    merged = Merged(slow, 8)
    with ThreadPoolExecutor(16) as threads:
        given = [np.full((1 + k % 3, 2), float(k)) for k in range(60)]
        found = list(threads.map(lambda rows: merged.run(None, {"x": rows}), given))
    for rows, (two, three) in zip(given, found, strict=True):
        np.testing.assert_array_equal(two, rows * 2)
        np.testing.assert_array_equal(three, rows * 3)
    assert len(slow.runs) < 55  # by how much less than 60, the load of the machine decides
    assert max(slow.runs) <= 8


def test_other_outputs_are_another_batch() -> None:
    merged = Merged(Slow(), 8)
    with ThreadPoolExecutor(8) as threads:
        names: list[list[str] | None] = [["two"] if k % 2 else None for k in range(20)]
        found = list(threads.map(lambda n: merged.run(n, {"x": np.ones((1, 2))}), names))
    assert [len(each) for each in found] == [1 if name else 2 for name in names]


def test_an_error_reaches_its_callers_and_the_next_run_goes_on() -> None:
    merged = Merged(Slow(), 1)
    with pytest.raises(ValueError, match="negative"):
        merged.run(None, {"x": np.array([[-1.0]])})
    assert merged.run(None, {"x": np.array([[1.0]])})[0][0, 0] == 2


def test_a_call_over_the_limit_is_run_alone() -> None:
    slow = Slow()
    assert len(Merged(slow, 4).run(None, {"x": np.ones((9, 1))})[0]) == 9
    assert slow.runs == [9]


def test_merged_scores_are_those_of_single_pictures(examples: Path) -> None:
    windows, _ = ImageResidual().folder.reference()
    alone = ImageResidual().score(windows)
    together = ImageResidual(batch=16)
    barrier = threading.Barrier(len(windows))

    def score(one: np.ndarray) -> float:
        barrier.wait()
        return float(together.score(one[None])[0])

    with ThreadPoolExecutor(len(windows)) as threads:
        found = list(threads.map(score, windows))
    np.testing.assert_allclose(found, alone, atol=1e-4)


def test_a_batched_scan_gives_the_scores_of_an_unbatched_one(examples: Path) -> None:
    files = [File(str(path)) for path in sorted((examples / "photographs").iterdir())] * 3
    plain, batched = Settings(quality=Quality.FAST), Settings(quality=Quality.FAST, batch=64)
    with Pool(plain, 2) as one, Pool(batched, 4) as other:
        wanted = [result.score for result in one.run(files)]
        found = [result.score for result in other.run(files)]
    np.testing.assert_allclose(np.array(found, float), np.array(wanted, float), atol=1e-5)


def test_a_device_that_is_not_there_is_wrong_usage() -> None:
    missing = Settings(quality=Quality.FAST, providers=("TensorrtExecutionProvider",))
    with Pool(missing, 1) as pool, pytest.raises(UsageError, match="onnxruntime-gpu"):
        list(pool.run([File("x.jpg")]))
