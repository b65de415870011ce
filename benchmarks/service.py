"""The service beside the batch engine: requests a second, times at half load, leaks.

    python -m benchmarks.service [--requests 10000] [--hostile DIR] [--json FILE]

The service runs in a process of its own. Throughput is compared with a batch scan of the same files
with as many workers, in the same run. Then requests of which a fifth is hostile: each must get an
answer, and memory, open files and threads must not grow.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from benchmarks.batch import JOBS, command, distinct
from benchmarks.scanning import jpeg, machine

FILES = 300
CALLERS = 8
WARM = 40
HALF = 100  # requests at half load


def main() -> None:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--hostile", type=Path, help="a folder of hostile files")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = list(distinct(folder / "in", jpeg(1000, 1000), FILES))
        service, url, key = started(folder / "data")
        try:
            found["throughput"] = asyncio.run(throughput(url, key, files, folder))
            print(json.dumps(found["throughput"]), flush=True)
            found["endurance"] = asyncio.run(
                endurance(url, key, service.pid, asked.requests, asked.hostile)
            )
            print(json.dumps(found["endurance"]), flush=True)
        finally:
            service.terminate()
            found["ended_with"] = service.wait(30)
            found["left_behind"] = len(list((folder / "data" / "contents").iterdir()))
    print(json.dumps({key: found[key] for key in ("ended_with", "left_behind")}))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


async def throughput(url: str, key: str, files: list[Path], folder: Path) -> dict[str, Any]:
    """Requests a second at full load beside a batch; times at half of it; health meanwhile."""
    bodies = [file.read_bytes() for file in files]
    async with _client(url, key) as client:
        await _all(client, bodies[:WARM], CALLERS)
        start = time.perf_counter()
        health = asyncio.create_task(_health(client))
        await _all(client, bodies, CALLERS)
        rate = len(bodies) / (time.perf_counter() - start)
        health.cancel()
        slowest = await health
        times = await _paced(client, bodies[:HALF], rate / 2)
    batch = [*command("--jobs", str(JOBS)), "--format", "jsonl"]
    once = _seconds([*batch, str(files[0])])
    theirs = (len(files) - 1) / (_seconds([*batch, str(folder / "in")]) - once)
    return {
        "requests_per_s": round(rate, 1),
        "batch_per_s": round(theirs, 1),
        "share_of_batch": round(rate / theirs, 3),
        "bar": 0.8,
        "half_load_p50_ms": round(1000 * statistics.median(times), 1),
        "half_load_p99_ms": round(1000 * sorted(times)[int(0.99 * len(times))], 1),
        "health_slowest_ms": round(1000 * slowest, 1),
        "health_bar_ms": 50,
    }


async def endurance(
    url: str, key: str, pid: int, requests: int, hostile: Path | None
) -> dict[str, Any]:
    """Many requests, a fifth of them hostile: every one answered, nothing growing."""
    small = jpeg(128, 128)
    good = [small[:2] + b"\xff\xfe\x00\x06" + k.to_bytes(4, "big") + small[2:] for k in range(100)]
    bad = [path.read_bytes() for path in sorted(hostile.iterdir())] if hostile else [b"nothing"]
    bodies = [bad[k // 5 % len(bad)] if k % 5 == 0 else good[k % 100] for k in range(requests)]
    answers: Counter[str] = Counter()
    async with _client(url, key) as client:
        answers += await _all(client, bodies[: requests // 10], CALLERS)
        before = _held(pid)
        answers += await _all(client, bodies[requests // 10 :], CALLERS)
        after = _held(pid)
    return {
        "requests": requests,
        "answers": dict(answers),
        "before": before,
        "after": after,
    }


async def _all(client: httpx.AsyncClient, bodies: list[bytes], callers: int) -> Counter[str]:
    """Send everything, so many at once; what came back, by status.

    By bare sockets: a client of Python's would take from the same cores what is measured here.
    """
    waiting, found = iter(bodies), Counter[str]()
    host, port = client.base_url.host, client.base_url.port
    key = client.headers["authorization"]
    head = f"POST /v1/scan HTTP/1.1\r\nHost: {host}\r\nAuthorization: {key}\r\n"

    async def call() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for body in waiting:
            status = "503"
            while status == "503":
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                status = answer.split(b" ", 2)[1].decode()
                length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
            found[status] += 1
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    return found


async def _paced(client: httpx.AsyncClient, bodies: list[bytes], rate: float) -> list[float]:
    """The time of each answer where requests come at a steady rate."""

    async def timed(place: int, body: bytes) -> float:
        await asyncio.sleep(place / rate)
        start = time.perf_counter()
        await client.post("/v1/scan", content=body)
        return time.perf_counter() - start

    return list(await asyncio.gather(*(timed(k, body) for k, body in enumerate(bodies))))


async def _health(client: httpx.AsyncClient) -> float:
    """The slowest answer of /healthz until it is cancelled."""
    slowest = 0.0
    try:
        while True:
            start = time.perf_counter()
            await client.get("/healthz")
            slowest = max(slowest, time.perf_counter() - start)
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return slowest


def started(data: Path) -> "tuple[subprocess.Popen[bytes], str, str]":
    """A service that is ready, its address, and a key for scans without a rate to speak of."""
    verascope = [sys.executable, "-m", "verascope"]
    create = ["keys", "create", "bench", "--scope", "scan", "--per-minute", "1000000"]
    made = subprocess.run(
        [*verascope, *create, "--data", str(data)], capture_output=True, text=True, check=True
    )
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    serve = [
        "serve",
        "--data",
        str(data),
        "--port",
        str(port),
        "--quality",
        "fast",
        "-j",
        str(JOBS),
    ]
    service = subprocess.Popen([*verascope, *serve], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return service, url, made.stdout.strip()
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    service.kill()
    raise SystemExit("the service did not start")


def _client(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120)


def _held(pid: int) -> dict[str, int]:
    """Memory in MB, open files, threads and children of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = {line.split(":")[0]: line.split()[1] for line in status if len(line.split()) > 1}
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        "memory_mb": int(told["VmRSS"]) // 1000,
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(told["Threads"]),
        "children": len(children),
    }


def _seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
