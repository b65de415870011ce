"""Queue, desk, store: each accepted item ends with exactly one Result, whoever is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
import httpx
from sqlalchemy import text

from tests.conftest import Command
from tests.serve.conftest import RedisServer, Serve
from verascope.errors import UsageError
from verascope.result import Input, Result, Status
from verascope.serve import audit
from verascope.serve.keys import NOBODY, Keys
from verascope.serve.queue import Job, Jobs, Queue, open_queue
from verascope.serve.schema import engine_of
from verascope.serve.store import Store


def take(store: Store, ident: str, **more: str) -> None:
    store.take(ident=ident, key_id="k", body_sha256="0" * 64, name="a.jpg", **more)


def result(uri: str = "a.jpg") -> Result:
    return Result(input=Input(uri=uri), status=Status.SCORED)


def test_a_job_is_claimed_once_until_its_lease_ends(tmp_path: Path, queue_url: str | None) -> None:
    queue = open_queue(tmp_path, queue_url, lease_s=0.3)
    other = open_queue(tmp_path, queue_url, lease_s=0.3)
    for item in ("a", "b", "a"):
        queue.add(item)
    assert queue.waiting() == 2 and queue.oldest_s() < 60
    assert sorted(queue.claim(5)) == [Job("a", 1), Job("b", 1)]
    assert other.claim(5) == queue.claim(5) == []
    queue.done("a")
    time.sleep(0.4)
    assert other.claim(5) == [Job("b", 2)]
    other.renew(["b"])
    assert queue.claim(5) == []
    other.done("b")
    assert queue.waiting() == 0 and queue.oldest_s() == 0


def test_leases_of_the_dead_end_when_the_only_server_starts(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "q")
    queue.add("a")
    assert queue.claim(1) and not queue.claim(1)
    queue.release()
    assert queue.claim(1) == [Job("a", 2)]


def test_many_claim_at_once_and_nobody_has_the_same(tmp_path: Path, queue_url: str | None) -> None:
    queues = [open_queue(tmp_path, queue_url) for _ in range(4)]
    for k in range(400):
        queues[0].add(str(k))
    claimed: list[str] = []

    def work(queue: Jobs) -> None:
        while jobs := queue.claim(7):
            claimed.extend(job.item for job in jobs)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, queues))
    assert Counter(claimed).most_common(1)[0][1] == 1
    assert len(claimed) == 400


def test_what_fails_too_often_is_a_dead_letter_that_can_be_replayed(
    tmp_path: Path, queue_url: str | None
) -> None:
    queue = open_queue(tmp_path, queue_url, attempts=2)
    queue.add("a")
    (first,) = queue.claim(1)
    assert queue.failed(first, "OSError") is False
    assert queue.claim(1) == [] and queue.waiting() == 1  # later
    assert queue.failed(Job("a", 2), "OSError") is True
    assert [(dead.item, dead.error) for dead in queue.dead()] == [("a", "OSError")]
    assert queue.replay("a") and not queue.replay("b")
    assert queue.claim(1) == [Job("a", 1)]
    queue.done("a")
    assert queue.dead() == [] and queue.waiting() == 0


def test_a_second_result_of_an_item_changes_nothing(store: Store) -> None:
    take(store, "i")
    assert store.finish("i", result("first")) is True
    assert store.finish("i", result("second")) is False
    item = store.item("i")
    assert item is not None and item.result is not None and '"uri":"first"' in item.result


def test_a_changed_byte_breaks_the_chain(store: Store) -> None:
    for k in range(20):
        take(store, str(k))
        store.finish(str(k), result())
    assert audit.verify(store.engine) == (40, None)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'kk' WHERE seq = 17"))
    assert audit.verify(store.engine)[1] == 17
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'k' WHERE seq = 17"))
    assert audit.verify(store.engine) == (40, None)
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit WHERE seq = 30"))
    assert audit.verify(store.engine)[1] == 31


def test_the_chain_holds_when_many_write_at_once(store: Store) -> None:
    def work(start: int) -> None:
        for k in range(start, start + 20):
            take(store, str(k))
            store.finish(str(k), result())

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(work, range(0, 100, 20)))
    assert audit.verify(store.engine) == (200, None)


def test_no_secret_is_kept_and_every_key_costs_one_comparison(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = Keys(store.engine)
    key = keys.create("one", ("scan",))
    secret = key.split("_", 2)[2]
    if store.engine.dialect.name == "sqlite":
        kept = b"".join(path.read_bytes() for path in tmp_path.glob("store.sqlite*"))
        assert secret.encode() not in kept
    compared: list[bytes] = []

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("verascope.serve.keys.hmac.compare_digest", counted)
    assert keys.known(key) is not None
    for wrong in (key + "x", "vsk_none_secret", "", "vsk", key.upper()):
        assert keys.known(wrong) is None
    assert len(compared) == 6
    assert compared.count(NOBODY) == 4
    with pytest.raises(UsageError, match="no scope 'everything'"):
        keys.create("two", ("everything",))


def test_a_damaged_content_becomes_a_dead_letter_and_can_be_replayed(
    serve: Serve, photo: bytes, verascope: Command
) -> None:
    running = serve(attempts=1)
    store, queue = running.service.store, running.service.queue
    take(store, "lost")
    queue.add("lost")  # its content was never written
    client = running.client("items")
    assert running.wait_for(client, "lost")["state"] == "dead"
    data = running.settings.data
    assert "lost" in verascope("queue", "dead", "--data", data).out
    (running.settings.contents / "lost").write_bytes(photo)
    assert verascope("queue", "replay", "lost", "--data", data).code == 0
    assert running.wait_for(client, "lost")["state"] == "done"
    assert verascope("audit", "verify", "--data", data).code == 0


def test_contents_that_a_kill_left_are_gone_after_the_next_start(
    serve: Serve, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "contents").mkdir(parents=True)
    store = Store(engine_of(f"sqlite:///{data / 'store.sqlite'}"))
    for ident in ("done", "waits"):
        take(store, ident)
    store.finish("done", result())
    for name in ("done", "waits", "unknown", "unknown.part"):
        (data / "contents" / name).write_bytes(b"x")
    running = serve(data=data)
    found = running.wait_for(running.client("items"), "waits")
    assert found["state"] == "done"
    assert list((data / "contents").iterdir()) == []


def test_a_second_service_on_the_same_data_is_refused(serve: Serve, verascope: Command) -> None:
    running = serve()
    done = verascope("serve", "--data", running.settings.data, "--port", "0")
    assert done.code == 64
    assert "another service works on" in done.err


def test_workers_are_killed_in_the_middle(serve: Serve, photo: bytes) -> None:
    """Of a service with two: each item ends with one Result, a second attempt if need be."""
    running = serve()
    client = running.client("items")
    ids = [client.post("/v1/items", content=photo + bytes([k])).json()["id"] for k in range(60)]
    killed = 0
    for _ in range(6):
        for scanner in list(running.service.desk._pool._scanners):
            worker = scanner._sandbox._worker
            if worker is not None:
                worker._process.kill()
                killed += 1
        time.sleep(0.05)
    for ident in ids:
        found = running.wait_for(client, ident)
        assert found["state"] == "done" and found["result"]["input"]["uri"]
    assert killed
    assert audit.verify(running.service.engine) == (120, None)


def test_nothing_that_is_a_secret_or_somebodys_is_logged(
    tmp_path: Path, photo: bytes, verascope: Command
) -> None:
    """All that a service says, at its most talkative, while it is used and misused."""
    data = tmp_path / "where-the-data-are"
    made = verascope("keys", "create", "t", "--scope", "items", "--scope", "scan", "--data", data)
    key, log = made.out.strip(), tmp_path / "log"
    process, url = _started(data, log)
    headers = {"Authorization": f"Bearer {key}", "X-File-Name": "name-of-a-person.jpg"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        for path in ("/v1/scan", "/v1/items"):
            for body in (photo, b"", b"content-of-an-upload", photo[:3000]):
                client.post(path, content=body)
        client.get("/v1/items/none")
        client.post("/v1/scan", content=photo, headers={"Authorization": "Bearer wrong-secret"})
        client.post("/v1/items?context={", content=photo)
        time.sleep(1)
    process.terminate()
    process.wait(30)
    said = log.read_text()
    secrets = (key, key.split("_", 2)[2], "wrong-secret", "name-of-a-person", "content-of-an")
    assert not [secret for secret in (*secrets, str(data)) if secret in said]


@pytest.mark.slow
def test_killed_and_started_again_every_item_ends_with_one_result(
    tmp_path: Path, photo: bytes, verascope: Command
) -> None:
    data = tmp_path / "data"
    key = verascope("keys", "create", "test", "--scope", "items", "--data", data).out.strip()
    headers = {"Authorization": f"Bearer {key}"}
    accepted: list[str] = []

    def post(url: str, stop: threading.Event) -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=10) as client:
            while not stop.is_set():
                try:
                    body = photo + os.urandom(4)
                    answer = client.post("/v1/items", content=body)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 202:
                    accepted.append(answer.json()["id"])

    for _ in range(3):
        process, url = _started(data)
        stop = threading.Event()
        threads = [threading.Thread(target=post, args=(url, stop)) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        process.kill()
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    process, url = _started(data)
    try:
        store = Store(engine_of(f"sqlite:///{data / 'store.sqlite'}"))
        deadline = time.monotonic() + 90
        while store.counts().get("queued") and time.monotonic() < deadline:
            time.sleep(0.2)
        assert store.counts().keys() == {"done"}
        assert len(accepted) > 30
        for ident in accepted:
            item = store.item(ident)
            assert item is not None and item.result is not None
        assert audit.verify(store.engine)[1] is None
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert list((data / "contents").glob("[0-9a-f]" * 32)) == []


def _started(data: Path, log: Path | None = None) -> "tuple[subprocess.Popen[str], str]":
    """A service in a process of its own, and its address."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = ["serve", "--data", str(data), "--port", str(port), "--quality", "fast"]
    with (log or Path(os.devnull)).open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "verascope", "-vv", *command], stderr=errors, text=True
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return process, url
        except httpx.HTTPError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the service did not start")


def test_the_service_keeps_its_items_in_postgresql(
    serve: Serve, photo: bytes, postgres: str
) -> None:
    running = serve(store=postgres)
    client = running.client("items")
    headers = {"Idempotency-Key": "pg"}
    ids = {client.post("/v1/items", content=photo, headers=headers).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    assert running.wait_for(client, ids.pop())["state"] == "done"
    assert audit.verify(running.service.engine)[1] is None


def test_redis_is_killed_in_the_middle_and_loses_its_memory_too(
    serve: Serve, photo: bytes, redis_server: RedisServer
) -> None:
    """What was accepted ends with one Result each; meanwhile callers are asked to come again."""
    redis_server.empty()
    running = serve(queue=redis_server.url, lease_s=3.0)
    client = running.client("items")
    ids = [client.post("/v1/items", content=photo).json()["id"] for _ in range(40)]
    redis_server.kill()
    assert client.post("/v1/items", content=photo).status_code == 503
    redis_server.start()
    redis_server.empty()
    ids += [client.post("/v1/items", content=photo).json()["id"] for _ in range(5)]
    for ident in ids:
        found = running.wait_for(client, ident, seconds=60)
        assert found["state"] == "done" and found["result"]["score"] is not None
    assert audit.verify(running.service.engine) == (90, None)
    deadline = time.monotonic() + 20
    while running.service.queue.waiting() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running.service.queue.waiting() == 0
