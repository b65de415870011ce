"""Batch scanning beside its ceiling: throughput, bookkeeping, memory, resuming, kills.

    python -m benchmarks.batch [--files 100000] [--kills 50] [--peer PYTHON] [--json FILE]

Pictures are made here. The ceiling is what the same cores do, in the same run, with decoding alone
and with inference alone. --peer is the interpreter of an environment with the package sahu65, whose
detector is then given the same pictures.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import simplejpeg

from benchmarks.scanning import jpeg, machine
from verascope.detect.crops import native_crops
from verascope.detect.image_residual import ImageResidual
from verascope.detect.session import Session
from verascope.result import Input, OperatingPoint, Result, Status, Verdict
from verascope.scan.run import RunFolder
from verascope.scan.sources import File

JOBS = 2
MEGAPIXEL = 240  # files of 1 MP
ROUNDS = 3  # of which the best counts, for all alike
RESULTS = 20_000  # whose bookkeeping is timed
FEW = 1_000  # files that memory is compared with


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=100_000, help="small ones, for memory")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key, measure in _parts(folder, asked):
            found[key] = measure()
            print(key, json.dumps(found[key]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _parts(folder: Path, asked: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "throughput", lambda: throughput(folder / "megapixel", asked.peer)
    yield "bookkeeping", lambda: bookkeeping(folder / "books")
    if asked.files:
        yield "memory", lambda: memory(folder / "many", asked.files)
    if asked.kills:
        yield "kills", lambda: kills(folder / "killed", asked.kills)


def throughput(folder: Path, peer: Path | None) -> dict[str, Any]:
    """Files a second of a scan with two workers, of its ceiling, and of the peer."""
    files = list(distinct(folder, jpeg(1000, 1000), MEGAPIXEL))
    data = [file.read_bytes() for file in files]
    session = Session(ImageResidual().folder.graph(), ("CPUExecutionProvider",), 1)
    crops = native_crops(simplejpeg.decode_jpeg(data[0])).values
    best = dict.fromkeys(("decode", "infer", "scan"), float("inf"))
    scan = [*command("--jobs", str(JOBS)), "--format", "jsonl", str(folder)]
    start = _seconds(lambda: _quietly([*scan[:-1], str(files[0])]))
    for _ in range(ROUNDS):
        decode = _seconds(lambda: _shared(data, lambda each: simplejpeg.decode_jpeg(each)))
        infer = _seconds(lambda: _shared(data, lambda _: session(crops)))
        whole = _seconds(lambda: _quietly(scan)) - start
        for key, value in zip(best, (decode, infer, whole), strict=True):
            best[key] = min(best[key], value)
    ceiling = len(files) / (best["decode"] + best["infer"])
    rate = (len(files) - 1) / best["scan"]
    found = {
        "files": len(files),
        "scan_per_s": round(rate, 2),
        "ceiling_per_s": round(ceiling, 2),
        "share_of_ceiling": round(rate / ceiling, 3),
        "bar": 0.8,
    }
    if peer is not None:
        theirs = len(files) / _peer_seconds(peer, files)
        found |= {"peer_per_s": round(theirs, 2), "times_the_peer": round(rate / theirs, 1)}
    return found


PEER = """
import sys, time
from pathlib import Path
import sahu65
files = sorted(Path(sys.argv[1]).glob("*.jpg"))
sahu65.detect(str(files[0]))
start = time.perf_counter()
for file in files:
    sahu65.detect(str(file))
print(time.perf_counter() - start)
"""


def _peer_seconds(python: Path, files: list[Path]) -> float:
    done = subprocess.run(
        [str(python), "-c", PEER, str(files[0].parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def bookkeeping(folder: Path) -> dict[str, Any]:
    """Milliseconds a file for all but reading and judging: walking, journal, line."""
    folder.mkdir()
    names = [str(folder / f"{k}.jpg") for k in range(RESULTS)]
    for name in names:
        Path(name).touch()
    results = [_result(name, k) for k, name in enumerate(names)]
    with RunFolder(folder / "run", {"identity": {}}) as run:
        start = time.perf_counter()
        for _, result in zip(run.fresh(map(File, names)), results, strict=True):
            run.known(result.input.sha256 or "")
            run.made(result)
            run.add(result)
        spent = time.perf_counter() - start
    return {"results": RESULTS, "ms_per_file": round(1000 * spent / RESULTS, 4), "bar": 0.3}


def memory(folder: Path, number: int) -> dict[str, Any]:
    """Peak memory of the scanning process over few and over many files; then resuming these."""
    small = jpeg(128, 128)
    list(distinct(folder / "few", small, FEW))
    list(distinct(folder / "many", small, number))
    few, _, _ = _measured(folder / "few", folder / "run-few")
    many, seconds, _ = _measured(folder / "many", folder / "run-many")
    again, _, cpu = _measured(folder / "many", folder / "run-many", "--resume")
    return {
        "few": FEW,
        "many": number,
        "few_mb": few,
        "many_mb": many,
        "resumed_mb": again,
        "scan_per_s": round(number / seconds, 1),
        "resume_cpu_s": round(cpu, 2),
        "bar_resume_cpu_s": 20 * number / 100_000,
    }


def kills(folder: Path, number: int) -> dict[str, Any]:
    """SIGKILL at random moments, of the parent or of a worker; then resumed to the end."""
    chance = random.Random(0)
    files = {str(file) for file in distinct(folder / "in", jpeg(500, 500), 30 * number)}
    scan = command("--run", str(folder / "run"), "--resume", "--jobs", str(JOBS))
    of_workers = 0
    for _ in range(number):
        process = subprocess.Popen([*scan, str(folder / "in")])
        time.sleep(chance.uniform(0.3, 1.0))
        if chance.random() < 0.5:
            of_workers += _kill_a_worker(process.pid)
            time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.wait()
    subprocess.run([*scan, str(folder / "in")], check=True)
    lines = (folder / "run" / "results.jsonl").read_bytes().splitlines()
    uris = [json.loads(line)["input"]["uri"] for line in lines]
    statuses = {json.loads(line)["status"] for line in lines}
    return {
        "kills": number + of_workers,
        "of_workers": of_workers,
        "files": len(files),
        "lost": len(files - set(uris)),
        "doubled": len(uris) - len(set(uris)),
        "statuses": sorted(statuses),
    }


def command(*more: str) -> list[str]:
    """A scan by the fast tier, silent, in a process of its own."""
    return [
        sys.executable,
        "-m",
        "verascope",
        "scan",
        "--quality",
        "fast",
        "-q",
        "--exit-zero",
        *more,
    ]


def distinct(folder: Path, data: bytes, number: int) -> Iterator[Path]:
    """The same picture under so many names, each with a comment of its own."""
    folder.mkdir(parents=True)
    for k in range(number):
        text = f"{k:08}".encode()
        file = folder / f"{k:08}.jpg"
        file.write_bytes(
            data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]
        )
        yield file


def _result(uri: str, number: int) -> Result:
    """A Result as long as a usual one."""
    points = tuple(
        OperatingPoint(name=name, threshold=0.5, false_positive_rate=0.01, interval=(0.0, 0.1))
        for name in ("high_precision", "high_recall")
    )
    return Result(
        input=Input(uri=uri, sha256=f"{number:064x}", bytes=1, width=1, height=1),
        status=Status.SCORED,
        verdict=Verdict.UNREMARKABLE,
        score=0.5,
        interval=(0.4, 0.6),
        operating_points=points,
    )


def _measured(folder: Path, run: Path, *more: str) -> tuple[float, float, float]:
    """Peak resident memory of the parent in MB, seconds, and processor seconds of a scan."""
    start, before = time.perf_counter(), os.times()
    process = subprocess.Popen(
        [*command("--run", str(run), "--jobs", str(JOBS), *more), str(folder)]
    )
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    if process.wait():
        raise SystemExit(f"the scan of {folder} ended with {process.returncode}")
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return peak[0], time.perf_counter() - start, cpu


def _watch(process: "subprocess.Popen[bytes]", peak: list[float]) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        except OSError:
            return
        if lines:
            peak[0] = round(int(lines[0].split()[1]) / 1000, 1)
        time.sleep(0.05)


def _kill_a_worker(parent: int) -> int:
    """Kill one of a process's children; returns how many were killed."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
    except (OSError, IndexError):
        return 0
    return 1


def _shared(items: list[bytes], work: Callable[[bytes], Any]) -> None:
    """The items by as many threads as the scan has workers; both kinds of work let others run."""
    parts = [items[k::JOBS] for k in range(JOBS)]
    threads = [
        threading.Thread(target=lambda part=part: [work(each) for each in part]) for part in parts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _quietly(arguments: list[str]) -> None:
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
