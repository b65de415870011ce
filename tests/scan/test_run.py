"""The folder of a run: nothing lost, nothing twice, whenever and however often it is killed."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Command
from verascope.errors import UsageError, VerascopeError
from verascope.result import Input, Result, Status, Verdict
from verascope.scan.results import RESULTS, read_results
from verascope.scan.run import JOURNAL, RunFolder

KILLS = 10
FACTS = {"identity": {"models": {"m": 1}, "settings": {"quality": "fast"}}}


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / RESULTS).read_bytes().splitlines()]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 small pictures, the last 20 of them copies of the first."""
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(2)
    for index in range(100):
        pixels = draw.integers(0, 256, (96, 96, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:03}.png")
    for index in range(20):
        (folder / f"copy-{index:03}.png").write_bytes((folder / f"{index:03}.png").read_bytes())
    return folder


def scan(*more: str | Path) -> list[str]:
    arguments = ["scan", "--quality", "fast", "--exit-zero", "-q", *map(str, more)]
    return [sys.executable, "-m", "verascope", *arguments]


def test_a_repeated_run_scans_nothing_and_a_widened_one_what_is_new(
    verascope: Command, pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    some = sorted(pictures.glob("*.png"))[:5]
    assert verascope("scan", "--quality", "fast", *some, "--run", run).code == 0
    before = (run / RESULTS).read_bytes()
    done = verascope("scan", "--quality", "fast", *some, "--run", run, "--resume")
    assert (done.code, (run / RESULTS).read_bytes()) == (0, before)
    assert done.err.startswith("5 inputs")
    done = verascope("scan", "--quality", "fast", pictures, "--run", run, "--resume")
    assert done.err.startswith("120 inputs")
    assert (run / RESULTS).read_bytes().startswith(before)
    assert Counter(row["input"]["uri"] for row in written(run)).most_common(1)[0][1] == 1
    assert json.loads((run / "summary.json").read_bytes())["state"] == "finished"


def test_the_same_content_is_judged_once(pictures: Path, tmp_path: Path) -> None:
    """A copied file has its twin's very Result, its timing included, under its own name."""
    subprocess.run(scan(pictures, "--run", tmp_path / "run", "--jobs", "3"), check=True)
    timing = {row["input"]["uri"]: row["timing"] for row in written(tmp_path / "run")}
    assert len(timing) == 120
    for index in range(20):
        copy, first = pictures / f"copy-{index:03}.png", pictures / f"{index:03}.png"
        assert timing[str(copy)] == timing[str(first)]


def test_a_file_that_changed_is_scanned_again(
    verascope: Command, pictures: Path, tmp_path: Path
) -> None:
    picture, run = tmp_path / "a.png", tmp_path / "run"
    picture.write_bytes((pictures / "000.png").read_bytes())
    verascope("scan", "--quality", "fast", picture, "--run", run)
    picture.write_bytes((pictures / "001.png").read_bytes())
    verascope("scan", "--quality", "fast", picture, "--run", run, "--resume")
    first, second = written(run)
    assert first["input"]["uri"] == second["input"]["uri"]
    assert first["input"]["sha256"] != second["input"]["sha256"]


def test_what_cannot_be_read_is_told_once_however_often_it_is_tried(
    verascope: Command, pictures: Path, tmp_path: Path
) -> None:
    run, folder = tmp_path / "run", tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "empty.jpg").touch()
    more = ["--quality", "fast", "--run", run, "--exit-zero"]
    named = [folder, tmp_path / "missing.jpg", "memory://bucket/none.jpg"]
    verascope("scan", *named, *more)
    before = (run / RESULTS).read_bytes()
    assert len(written(run)) == 4
    verascope("scan", *named, *more, "--resume")
    assert (run / RESULTS).read_bytes() == before
    (tmp_path / "missing.jpg").write_bytes((pictures / "000.png").read_bytes())
    verascope("scan", *named, *more, "--resume")
    assert [row["status"] for row in written(run)][4:] == ["scored"]


def test_standard_input_is_read_every_time_and_told_where_it_changed(
    verascope: Command, pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    more = ["--quality", "fast", "--run", run, "--exit-zero", "--resume"]
    for name in ("000.png", "000.png", "001.png"):
        verascope("scan", "-", *more, stdin=(pictures / name).read_bytes())
    assert len({row["input"]["sha256"] for row in written(run)}) == len(written(run)) == 2


@pytest.mark.slow
def test_kills_at_any_moment_lose_double_and_tear_nothing(pictures: Path, tmp_path: Path) -> None:
    """SIGKILL, of the parent and of workers; then --resume until it is done."""
    chance, run = random.Random(3), tmp_path / "run"
    command = scan(pictures, "--run", run, "--resume", "--jobs", "2")
    for kill in range(KILLS):
        process = subprocess.Popen(command, start_new_session=True)
        time.sleep(chance.uniform(0.2, 1.2))
        victims = _workers(process.pid) if kill % 2 else [process.pid]
        for victim in victims[:1]:
            _kill(victim)
        if kill % 2:
            time.sleep(chance.uniform(0.0, 0.3))
            _kill(process.pid)
        process.wait(timeout=60)
        known = [row["input"]["uri"] for row in _whole_lines(run)]
        assert len(set(known)) == len(known)
    subprocess.run(command, check=True, timeout=300)
    rows = written(run)
    assert sorted(row["input"]["uri"] for row in rows) == sorted(map(str, pictures.iterdir()))
    assert {row["status"] for row in rows} == {"scored"}


def test_an_interrupted_run_goes_on(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = scan(pictures, "--run", run, "--resume", "--jobs", "1")
    process = subprocess.Popen(command, preexec_fn=lambda: signal.signal(15, signal.SIG_DFL))
    while not (run / RESULTS).is_file() or len((run / RESULTS).read_bytes()) < 10_000:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    assert json.loads((run / "summary.json").read_bytes())["state"] == "interrupted"
    some = len(written(run))
    assert 0 < some < 120
    subprocess.run(command, check=True)
    assert len(written(run)) == 120


def test_a_torn_line_is_cut_off_and_its_input_scanned_again(
    verascope: Command, pictures: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    some = sorted(pictures.glob("*.png"))[:3]
    verascope("scan", "--quality", "fast", *some[:2], "--run", run)
    with (run / RESULTS).open("ab") as file:
        file.write(b'{"input": {"uri": "torn')
    verascope("scan", "--quality", "fast", *some, "--run", run, "--resume")
    assert [row["input"]["uri"] for row in written(run)] == [str(path) for path in some]


def test_results_that_lost_their_end_are_scanned_again(
    verascope: Command, pictures: Path, tmp_path: Path
) -> None:
    """As after a power cut: the journal knows of lines that never reached the disk."""
    run = tmp_path / "run"
    some = sorted(pictures.glob("*.png"))[:3]
    verascope("scan", "--quality", "fast", *some, "--run", run)
    size = (run / RESULTS).stat().st_size
    os.truncate(run / RESULTS, size - 100)
    verascope("scan", "--quality", "fast", *some, "--run", run, "--resume")
    assert [row["input"]["uri"] for row in written(run)] == [str(path) for path in some]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "holds a run; go on with it by --resume"),
        (["--resume", "--no-provenance"], "another provenance"),
        (["--resume", "--timeout", "5"], "another limits.stage_timeout_s"),
    ],
)
def test_another_run_is_not_written_over(
    verascope: Command, pictures: Path, tmp_path: Path, more: list[str], said: str
) -> None:
    run = tmp_path / "run"
    verascope("scan", "--quality", "fast", pictures / "000.png", "--run", run)
    done = verascope("scan", "--quality", "fast", pictures / "000.png", "--run", run, *more)
    assert done.code == 64
    assert said in done.err


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(UsageError, match=r"photo\.jpg and no run"):
        RunFolder(tmp_path, FACTS)


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path / "run", FACTS),
        pytest.raises(UsageError, match="another process"),
    ):
        RunFolder(tmp_path / "run", FACTS, resume=True)


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run", FACTS).close()
    (tmp_path / "run" / JOURNAL).write_bytes(b"not a database" * 100)
    for beside in (tmp_path / "run").glob(f"{JOURNAL}-*"):
        beside.unlink()
    with pytest.raises(UsageError, match="no journal"):
        RunFolder(tmp_path / "run", FACTS, resume=True)


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """/dev/full stands for it: every write fails as on a full disk."""
    result, other = (
        Result(input=Input(uri=uri), status=Status.SCORED, verdict=Verdict.UNREMARKABLE)
        for uri in "ab"
    )
    with RunFolder(tmp_path / "run", FACTS) as run:
        run.add(result)
        kept = run._results
        with (
            open("/dev/full", "ab", buffering=0) as run._results,
            pytest.raises(VerascopeError, match=r"cannot be written: .*No space left"),
        ):
            run.add(other)
        run._results = kept
    assert [each.input.uri for each in read_results(tmp_path / "run")] == ["a"]


def test_results_read_back_name_the_line_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(Result(input=Input(uri="a"), status=Status.SCORED).to_json() + b"\nnot one\n")
    with pytest.raises(UsageError, match=r"r\.jsonl:2: not a Result"):
        list(read_results(file))


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _workers(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in found.read_text().split()] if found.is_file() else []


def _whole_lines(run: Path) -> list[dict[str, Any]]:
    """The lines that end; the last may have been torn by the kill."""
    if not (run / RESULTS).is_file():
        return []
    whole = (run / RESULTS).read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines()]
