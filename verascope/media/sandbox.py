"""One isolated worker process: it runs a named function under limits and knows nothing of it.

The parent sends a request, the function (worker.Function) answers with messages, each of bytes and
arrays. Arrays travel through memory that both processes map. A worker that is late, too big or dead
is killed; the next call gets a new one. Nothing that a worker sends is trusted: messages are
decoded to typed structs, never unpickled, and arrays are bounded by the shared memory.
"""

import json
import math
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
import numpy as np

from verascope.errors import InputTrouble, UsageError
from verascope.media.wire import ARENA_BYTES, Array, Frame, Place, Request, receive, send
from verascope.result import Reason

DTYPES = frozenset({"uint8", "int16", "int32", "float32", "float64"})
CPU_SLACK_S = 2
MAX_MESSAGES = 64  # of a call: more than any function has to say
DYING_S = 0.5  # what a worker gets to end by itself once it has closed its end
MAX_SAID_BYTES = 4096  # of a dead worker's last words
# Of the parent's environment: where programs, libraries and the user's lists are, the language,
# and what some processors need for correct arithmetic.
ENVIRONMENT = frozenset(
    {
        "HOME",
        "LANG",
        "LD_LIBRARY_PATH",
        "OPENBLAS_CORETYPE",
        "OPENBLAS_L2_SIZE",
        "PATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "SYSTEMROOT",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
    }
)
BOOT = (
    "import sys, json; path, function, sock, arena, memory = json.loads(sys.argv[1]); "
    "sys.path[:] = path; from verascope.media.worker import serve; "
    "serve(function, sock, arena, memory)"
)


class Message(NamedTuple):
    """One answer of the worker's function; the arrays are the parent's own copies."""

    data: bytes
    arrays: tuple[Array, ...]


class Sandbox:
    """A worker process for one function. A context manager; started by the first call.

    Args:
        function: `package.module:name` of a Function, imported in the worker alone.
        memory_bytes: address space of the worker.
        timeout_s: wall clock for each message of a call.
    """

    def __init__(self, function: str, *, memory_bytes: int, timeout_s: float) -> None:
        self._function = function
        self._memory_bytes = memory_bytes
        self._timeout_s = timeout_s
        self._worker: _Worker | None = None
        self._busy = threading.Lock()
        self._owner = os.getpid()

    def start(self) -> None:
        """Start the worker if there is none, without waiting until it is ready."""
        if self._owner != os.getpid():  # we are a fork: that worker is our parent's
            self._worker, self._owner = None, os.getpid()
        if self._worker is None:
            self._worker = _Worker(self._function, self._memory_bytes)

    def call(self, request: bytes) -> Iterator[Message]:
        """Run the function on a request; yields its messages as they come.

        Raises:
            InputTrouble: the worker was late (`timeout`), grew over the limit (`memory_limit`)
                or died (`worker_crashed`); it is gone then, and the next call starts another.
            UsageError: another thread is in the middle of a call.
        """
        if not self._busy.acquire(blocking=False):
            raise UsageError("one thread at a time: give each thread a Scanner of its own")
        finished = False
        try:
            self.start()
            assert self._worker is not None
            yield from self._worker.call(request, self._timeout_s)
            finished = True
        finally:
            if not finished:  # dead, or a caller that stopped listening in the middle
                self.close()
            self._busy.release()

    def close(self) -> None:
        """Kill the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None and self._owner == os.getpid():
            worker.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


class _Worker:
    """The parent's end of one worker process."""

    def __init__(self, function: str, memory_bytes: int) -> None:
        self._socket, theirs = socket.socketpair()
        self._errors = os.fdopen(_memory_file("verascope-errors"), "rb", buffering=0)
        arena_fd = _arena_file()
        try:
            self._arena = mmap.mmap(arena_fd, ARENA_BYTES, prot=mmap.PROT_READ)
            boot = [function, theirs.fileno(), arena_fd, memory_bytes]
            self._process = _spawn(boot, (theirs.fileno(), arena_fd), self._errors.fileno())
        finally:
            theirs.close()
            os.close(arena_fd)

    def call(self, data: bytes, timeout_s: float) -> Iterator[Message]:
        request = Request(data, math.ceil(timeout_s) + CPU_SLACK_S)
        try:
            send(self._socket, msgspec.msgpack.encode(request))
        except OSError as error:
            raise self._death() from error
        for _ in range(MAX_MESSAGES):
            frame = self._next_frame(time.monotonic() + timeout_s)
            if frame.kind == "end":
                return
            if frame.kind != "message":
                raise _trouble(frame)
            yield Message(frame.data, tuple(self._array(place) for place in frame.places))
        raise InputTrouble(Reason.WORKER_CRASHED, "the worker does not come to an end")

    def _next_frame(self, deadline: float) -> Frame:
        try:
            return msgspec.msgpack.decode(receive(self._socket, deadline), type=Frame)
        except TimeoutError as error:
            raise InputTrouble(Reason.TIMEOUT, "killed at its deadline") from error
        except (OSError, msgspec.DecodeError) as error:
            raise self._death() from error

    def _array(self, place: Place) -> Array:
        """The parent's copy of an array; what the worker says of it is checked first."""
        count = math.prod(place.shape)
        if place.dtype not in DTYPES or min(place.shape, default=0) < 0 or place.offset < 0:
            raise InputTrouble(Reason.WORKER_CRASHED, "the worker sent an impossible array")
        dtype = np.dtype(place.dtype)
        if place.offset + count * dtype.itemsize > ARENA_BYTES:
            raise InputTrouble(Reason.WORKER_CRASHED, "the worker sent an array out of bounds")
        return np.frombuffer(self._arena, dtype, count, place.offset).reshape(place.shape).copy()

    def _death(self) -> InputTrouble:
        """Why the worker is gone, from how it ended and what it said."""
        try:
            code = self._process.wait(DYING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code == -signal.SIGXCPU:
            return InputTrouble(Reason.TIMEOUT, "over its limit of processor time")
        self._errors.seek(0)
        said = self._errors.read(MAX_SAID_BYTES).decode(errors="replace")
        if said:
            _log("a worker died", said)
        name = signal.strsignal(-code) if code < 0 else f"exit code {code}"
        return InputTrouble(Reason.WORKER_CRASHED, f"ended by {name}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()
        self._errors.close()
        self._arena.close()


def _trouble(frame: Frame) -> InputTrouble:
    text = frame.data.decode(errors="replace")
    if frame.kind == "memory":
        return InputTrouble(Reason.MEMORY_LIMIT, "over its limit of memory")
    _log("a worker's function failed", text)
    return InputTrouble(Reason.WORKER_CRASHED, text.rstrip().rpartition("\n")[2])


def _log(what: str, text: str) -> None:
    """Log a worker's words, which may be an attacker's: line by line, escaped."""
    import logging

    lines = [line.encode("unicode_escape").decode() for line in text.splitlines()]
    logging.getLogger(__name__).error("%s:\n%s", what, "\n".join(lines))


def _spawn(boot: list[object], fds: tuple[int, ...], errors: int) -> subprocess.Popen[bytes]:
    """Start a fresh interpreter: no state, no open file and no signal of the parent's."""
    path = [entry for entry in sys.path if entry]  # never the current folder by ""
    arguments = json.dumps([path, *boot])
    return subprocess.Popen(
        [sys.executable, "-P", "-c", BOOT, arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        pass_fds=fds,
        env=_environment(),
        start_new_session=True,  # the terminal's Ctrl-C is the parent's to handle
    )


def _environment() -> dict[str, str]:
    """What a worker needs to run at all. Keys, tokens and PINs of the parent's stay with it."""
    kept = {n: v for n, v in os.environ.items() if n in ENVIRONMENT or n.startswith("LC_")}
    return kept | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def _arena_file() -> int:
    """A nameless file for the shared memory, which no worker can shrink under the parent."""
    fd = _memory_file("verascope-arena")
    os.ftruncate(fd, ARENA_BYTES)
    if hasattr(os, "memfd_create"):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd


def _memory_file(name: str) -> int:
    """A nameless file in memory; elsewhere than on Linux, one on disk that is already unlinked."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
