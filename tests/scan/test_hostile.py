"""What batch scanning meets: hostile files among good ones, pipes, files that grow, full disks."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Command
from tests.scan.test_run import written
from verascope.result import Reason, Status
from verascope.scan.pool import Pool
from verascope.scan.walk import expand
from verascope.settings import Limits, Quality, Settings

FAST = Settings(quality=Quality.FAST, limits=Limits(stage_timeout_s=30))


@pytest.fixture
def mixed(shared: Path, tmp_path: Path) -> Path:
    """Every hostile file among four times as many good ones."""
    folder = tmp_path / "mixed"
    shutil.copytree(shared / "hostile" / "files", folder)
    bad = len(list(folder.iterdir()))
    draw = np.random.default_rng(1)
    for k in range(4 * bad):
        pixels = draw.integers(0, 256, (100, 100, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"good-{k:04}.jpg")
    return folder


def test_hostile_files_among_good_ones_leave_one_honest_result_each(
    mixed: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    before = sorted(path.name for path in mixed.iterdir())
    run = tmp_path / "run"
    command = [
        "scan",
        mixed,
        "--quality",
        "fast",
        "--run",
        run,
        "--jobs",
        "3",
        "--no-archives",
        "-q",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "verascope", *map(str, command)],
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
    )
    assert done.returncode == 2
    rows = {Path(row["input"]["uri"]).name: row for row in written(run)}
    assert sorted({name.partition("#")[0] for name in rows}) == before
    assert len(rows) == len(before) + 13  # two of them are tables, of 12 and 3 rows
    good = [row for name, row in rows.items() if name.startswith("good-")]
    assert {row["status"] for row in good} == {"scored"}
    assert all(row["reason"] for row in rows.values() if row["status"] in ("failed", "skipped"))
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in mixed.iterdir()) == before


def test_no_worker_outlives_its_run(mixed: Path) -> None:
    with Pool(FAST, 3) as pool:
        for _ in zip(range(20), pool.run(expand([str(mixed)])), strict=False):
            pass
        workers = [scanner._sandbox._worker for scanner in pool._scanners]
        pids = [worker._process.pid for worker in workers if worker is not None]
        assert pids
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_nothing_is_opened_that_was_not_named(mixed: Path, tmp_path: Path) -> None:
    """What the processes open below the folder's parent, as the kernel saw it."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("no strace here")
    (tmp_path / "beside.jpg").write_bytes(b"never to be opened")
    log = tmp_path / "trace"
    command = [strace, "-f", "-e", "trace=open,openat,openat2,connect", "-o", log]
    scan = ["scan", mixed, "--quality", "fast", "--no-archives", "-q", "--jobs", "2"]
    done = subprocess.run(
        [*map(str, command), sys.executable, "-m", "verascope", *map(str, scan)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=500,
    )
    if not log.is_file() or b"Operation not permitted" in done.stderr:
        pytest.skip("strace may not trace here")
    lines = log.read_text(errors="replace").splitlines()
    opened = {line.split('"')[1] for line in lines if "open" in line and '"' in line}
    assert str(mixed / "good-0000.jpg") in opened
    strangers = [name for name in opened if name.startswith(str(tmp_path))]
    strangers = [name for name in strangers if not name.startswith(str(mixed))]
    assert strangers == []
    assert "/etc/hostname" not in opened
    assert not [line for line in lines if "connect(" in line and "AF_INET" in line]


def test_pipes_and_cycles_do_not_stop_a_run(verascope: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "cycle").symlink_to(tmp_path)
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    pixels = np.zeros((100, 100, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "good.png")
    done = verascope("scan", tmp_path, "--quality", "fast", "--format", "jsonl", "--exit-zero")
    rows = {Path(row["input"]["uri"]).name: row for row in map(json.loads, done.out.splitlines())}
    assert len(rows) == 4
    assert {rows[name]["reason"] for name in ("pipe.jpg", "cycle", "zero.jpg")} == {"not_a_file"}
    assert rows["good.png"]["status"] == "scored"


def test_a_file_that_grows_is_told_and_not_judged(tmp_path: Path) -> None:
    """Something appends to it all the while."""
    file = tmp_path / "growing.png"
    pixels = np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    stop = threading.Event()

    def grow() -> None:
        with file.open("ab") as out:
            while not stop.is_set():
                out.write(b"more")
                out.flush()
                time.sleep(0.001)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with Pool(FAST, 1) as pool:
            (result,) = pool.run(expand([str(file)]))
    finally:
        stop.set()
        writer.join()
    assert (result.status, result.reason) == (Status.FAILED, Reason.CORRUPT)
    assert result.detail is not None and "changed while it was read" in result.detail
    assert result.verdict is None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB, where one may be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_ends_the_run_with_a_sentence_and_loses_nothing(
    verascope: Command, small_disk: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    draw = np.random.default_rng(1)
    for k in range(150):
        Image.fromarray(draw.integers(0, 256, (64, 64, 3), np.uint8)).save(folder / f"{k:03}.png")
    run = small_disk / "run"
    more = ["--quality", "fast", "--run", run, "--exit-zero"]
    done = verascope("scan", folder, *more)
    assert done.code == 70
    assert "cannot be written" in done.err and "--resume" in done.err
    assert "Traceback" not in done.err
    kept = (run / "results.jsonl").read_bytes()
    assert kept
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert verascope("scan", folder, *more, "--resume").code == 0
    names = [row["input"]["uri"] for row in written(run)]
    assert sorted(names) == sorted(map(str, folder.iterdir()))


def test_a_full_disk_under_an_output_file(
    verascope: Command, small_disk: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(150):
        Image.fromarray(np.full((64, 64, 3), k, np.uint8)).save(folder / f"{k:03}.png")
    out = small_disk / "r.jsonl"
    done = verascope("scan", folder, "--quality", "fast", "--format", "jsonl", "-o", out)
    assert done.code == 70
    assert "No space left" in done.err and "Traceback" not in done.err
    assert out.with_name("r.jsonl.part").exists()
