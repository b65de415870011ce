"""The worker process: limits hold, whatever its function does, and the next call works."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import drop_root
from verascope.errors import InputTrouble, UsageError
from verascope.media.sandbox import Sandbox
from verascope.result import Reason

FUNCTION = "sandboxed:run"
MEMORY_BYTES = 1_500_000_000


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with Sandbox(FUNCTION, memory_bytes=MEMORY_BYTES, timeout_s=5) as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, request: str) -> list[str]:
    return [message.data.decode() for message in sandbox.call(request.encode())]


def test_messages_and_arrays_come_back(sandbox: Sandbox) -> None:
    first, second = sandbox.call(b"arrays")
    assert first.data == b"one"
    assert second.data == b"two"
    np.testing.assert_array_equal(first.arrays[0], np.arange(12, dtype=np.uint8).reshape(3, 4))
    np.testing.assert_array_equal(second.arrays[1], np.array([[-1, 2]], np.int32))


def test_one_process_serves_many_calls(sandbox: Sandbox) -> None:
    assert ask(sandbox, "pid") == ask(sandbox, "pid")
    assert ask(sandbox, "pid") != [str(os.getpid())]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ("segfault", Reason.WORKER_CRASHED),
        ("exit", Reason.WORKER_CRASHED),
        ("raise", Reason.WORKER_CRASHED),
        ("memory", Reason.MEMORY_LIMIT),
        ("garbage", Reason.WORKER_CRASHED),
        ("out_of_bounds", Reason.WORKER_CRASHED),
        ("write", Reason.WORKER_CRASHED),
        ("endless", Reason.WORKER_CRASHED),
    ],
)
def test_misbehaviour_is_a_reason_and_the_next_call_works(
    sandbox: Sandbox, request_: str, reason: Reason
) -> None:
    with pytest.raises(InputTrouble) as trouble:
        ask(sandbox, request_)
    assert trouble.value.reason is reason
    assert ask(sandbox, "echo") == ["echo"]


def test_a_late_worker_is_killed_after_what_it_had_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with Sandbox(FUNCTION, memory_bytes=MEMORY_BYTES, timeout_s=1.5) as sandbox:
        (pid,) = ask(sandbox, "pid")
        heard: list[bytes] = []
        with pytest.raises(InputTrouble) as trouble:
            heard.extend(message.data for message in sandbox.call(b"hang"))
        assert heard == [b"still here"]
        assert trouble.value.reason is Reason.TIMEOUT
        assert not _alive(int(pid))
        assert ask(sandbox, "echo") == ["echo"]


def test_a_caller_that_stops_listening_leaves_no_stale_answers(sandbox: Sandbox) -> None:
    for _ in sandbox.call(b"arrays"):
        break
    assert ask(sandbox, "echo") == ["echo"]


def test_a_worker_ends_with_its_parent(sandbox: Sandbox) -> None:
    (pid,) = ask(sandbox, "pid")
    worker = sandbox._worker
    assert worker is not None
    worker._socket.close()  # what the worker sees when its parent is killed
    worker._process.wait(timeout=10)
    assert not _alive(int(pid))


def test_the_current_folder_is_not_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('a file of the scanned folder ran')")
    monkeypatch.chdir(tmp_path)
    assert ask(sandbox, "echo") == ["echo"]


def test_an_interrupt_of_the_terminal_does_not_reach_the_worker(sandbox: Sandbox) -> None:
    (pid,) = ask(sandbox, "pid")
    assert os.getsid(int(pid)) != os.getsid(0)
    assert signal.getsignal(signal.SIGINT) is not None


def test_a_workers_environment_holds_no_secret(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERASCOPE_SIGN_KEY", "-----BEGIN PRIVATE KEY-----")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    (names,) = ask(sandbox, "environment")
    assert "PATH" in names.split()
    assert not {"VERASCOPE_SIGN_KEY", "AWS_SECRET_ACCESS_KEY"} & set(names.split())


def test_a_second_thread_is_told(sandbox: Sandbox) -> None:
    messages = sandbox.call(b"arrays")
    next(messages)
    with pytest.raises(UsageError, match="one thread"):
        ask(sandbox, "echo")
    assert len(list(messages)) == 1
    assert ask(sandbox, "echo") == ["echo"]


def test_a_fork_gets_a_worker_of_its_own(sandbox: Sandbox) -> None:
    (before,) = ask(sandbox, "pid")
    if (child := os.fork()) == 0:
        status = 1
        try:
            status = int(ask(sandbox, "pid") == [before])
            sandbox.close()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert ask(sandbox, "pid") == [before]


def test_a_process_with_many_open_files(sandbox: Sandbox) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit[1] < 2000:
        pytest.skip("this process may not open 2,000 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000, limit[1]))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1200)]
    try:
        assert ask(sandbox, "echo") == ["echo"]
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_limits_of_the_caller_hold_and_harm_nothing(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from verascope.media.sandbox import Sandbox\n"
        f"with Sandbox('sandboxed:run', memory_bytes={MEMORY_BYTES}, timeout_s=5) as sandbox:\n"
        "    print([message.data for message in sandbox.call(b'echo')])"
    )
    limits = "ulimit -t 60; ulimit -v 1400000; ulimit -n 48"
    done = subprocess.run(
        ["bash", "-c", f'{limits}; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        preexec_fn=drop_root,
        check=False,
    )
    assert done.stdout == "[b'echo']\n", done.stderr


def _alive(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    return True
