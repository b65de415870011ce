"""The worker process: limits hold, whatever its function does, and the next call works."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from verascope.errors import InputTrouble
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


def _alive(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    return True
