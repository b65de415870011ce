"""A service of its own for each test: really listening, with a worker, on the fast tier."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
import httpx
import uvicorn

from verascope.serve.app import create_app
from verascope.serve.config import ServeSettings
from verascope.serve.schema import engine_of, metadata
from verascope.serve.store import Store
from verascope.settings import Quality, Settings


class Running:
    """A service in a thread of this process, and how to reach it."""

    def __init__(self, settings: ServeSettings) -> None:
        settings.data.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.app = create_app(settings)
        self.service = self.app.state.service
        config = uvicorn.Config(self.app, port=0, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "Running":
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self._server.started
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)

    def client(self, *scopes: str, **more: Any) -> httpx.Client:
        """A client with a key of these scopes."""
        key = self.service.keys.create("test", scopes or ("scan", "items"), **more)
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def wait_for(self, client: httpx.Client, ident: str, seconds: float = 30) -> dict[str, Any]:
        """An item, once it is done or dead."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found: dict[str, Any] = client.get(f"/v1/items/{ident}").json()
            if found["state"] != "queued":
                return found
            time.sleep(0.05)
        raise AssertionError(f"item {ident} was not done")


Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a service with these settings; it ends with the test."""
    running: list[Running] = []

    def start(**changes: Any) -> Running:
        given: dict[str, Any] = {
            "data": tmp_path / "data",
            "scan": Settings(quality=Quality.FAST),
            "jobs": 2,
        }
        one = Running(ServeSettings(**(given | changes)))
        one.__enter__()
        running.append(one)
        return one

    yield start
    for one in running:
        one.__exit__()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL of this session's own, where Debian's is installed."""
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or os.geteuid() != 0 or shutil.which("runuser") is None:
        pytest.skip("no postgresql of Debian's that could be started here")
    with tempfile.TemporaryDirectory(prefix="verascope-postgres-") as folder:
        shutil.chown(folder, "postgres")
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]

        def run(program: str, *arguments: str) -> None:
            command = ["runuser", "-u", "postgres", "--", str(programs[-1] / program), *arguments]
            nowhere = subprocess.DEVNULL  # a pipe would stay open as long as the server
            subprocess.run(
                command, check=True, cwd="/", timeout=120, stdout=nowhere, stderr=nowhere
            )

        run("initdb", "-D", f"{folder}/data", "-A", "trust")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = f"{folder}/log"
        run("pg_ctl", "-D", f"{folder}/data", "-l", log, "-w", "-o", options, "start")
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


class RedisServer:
    """Debian's redis-server on a folder of its own, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self._port = sock.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, on what it had written."""
        options = ["--port", str(self._port), "--dir", str(self._folder), "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        import redis

        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.05)
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def empty(self) -> None:
        """Forget everything."""
        import redis

        redis.Redis.from_url(self.url).flushall()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of this session's own, where Debian's is installed."""
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here")
    one = RedisServer(tmp_path_factory.mktemp("redis"))
    one.start()
    yield one
    one.kill()


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request: pytest.FixtureRequest) -> str | None:
    """Where the queue is: on each kind of queue a test runs once."""
    if request.param == "sqlite":
        return None
    server: RedisServer = request.getfixturevalue("redis_server")
    server.empty()
    return server.url


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store on each database."""
    if request.param == "sqlite":
        return Store(engine_of(f"sqlite:///{tmp_path / 'store.sqlite'}"))
    engine = engine_of(request.getfixturevalue("postgres"))
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return Store(engine)


@pytest.fixture
def photo(examples: Path) -> bytes:
    return (examples / "photographs" / "rocket.jpg").read_bytes()
