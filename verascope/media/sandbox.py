"""One isolated worker process: it runs a named function under limits and knows nothing of it.

The parent sends a request, the function answers with messages, each of bytes and arrays. Arrays
travel through memory that both processes map. A worker that is late, too big or dead is killed;
the next call gets a new one. Nothing that a worker sends is trusted: messages are decoded to typed
structs, never unpickled, and arrays are bounded by the shared memory.
"""

import json
import logging
import math
import mmap
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.errors import InputTrouble
from verascope.result import Reason

Array: TypeAlias = NDArray[Any]
# What a worker runs: one request to messages, each the bytes and the arrays to hand over.
Function: TypeAlias = Callable[[bytes], Iterator[tuple[bytes, Sequence[Array]]]]

ARENA_BYTES = 256 << 20  # shared memory; sparse, so only what is written costs anything
MAX_FRAME_BYTES = 64 << 20
DTYPES = frozenset({"uint8", "int16", "int32", "float32", "float64"})
CPU_SLACK_S = 2
BOOT = (
    "import sys, json; path, function, sock, arena, memory = json.loads(sys.argv[1]); "
    "sys.path[:] = path; from verascope.media.sandbox import serve; "
    "serve(function, sock, arena, memory)"
)

log = logging.getLogger(__name__)


class Message(NamedTuple):
    """One answer of the worker's function; the arrays are the parent's own copies."""

    data: bytes
    arrays: tuple[Array, ...]


class _Place(Struct, frozen=True):
    """Where an array lies in the shared memory."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class _Frame(Struct, frozen=True):
    """One frame on the socket: a message, the end of a call, or what went wrong."""

    kind: str  # message, end, memory, fault
    data: bytes = b""
    places: tuple[_Place, ...] = ()


class _Request(Struct, frozen=True):
    data: bytes
    cpu_limit_s: int


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

    def start(self) -> None:
        """Start the worker if there is none, without waiting until it is ready."""
        if self._worker is None:
            self._worker = _Worker(self._function, self._memory_bytes)

    def call(self, request: bytes) -> Iterator[Message]:
        """Run the function on a request; yields its messages as they come.

        Raises:
            InputTrouble: the worker was late (`timeout`), grew over the limit (`memory_limit`)
                or died (`worker_crashed`); it is gone then, and the next call starts another.
        """
        self.start()
        assert self._worker is not None
        finished = False
        try:
            yield from self._worker.call(request, self._timeout_s)
            finished = True
        finally:
            if not finished:  # dead, or a caller that stopped listening in the middle
                self.close()

    def close(self) -> None:
        """Kill the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is not None:
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
        arena_fd = _arena_file()
        try:
            self._arena = mmap.mmap(arena_fd, ARENA_BYTES, prot=mmap.PROT_READ)
            self._process = _spawn(function, theirs.fileno(), arena_fd, memory_bytes)
        finally:
            theirs.close()
            os.close(arena_fd)

    def call(self, data: bytes, timeout_s: float) -> Iterator[Message]:
        request = _Request(data, math.ceil(timeout_s) + CPU_SLACK_S)
        try:
            _send(self._socket, msgspec.msgpack.encode(request))
        except OSError as error:
            raise self._death() from error
        while True:
            frame = self._next_frame(time.monotonic() + timeout_s)
            if frame.kind == "end":
                return
            if frame.kind != "message":
                raise _trouble(frame)
            yield Message(frame.data, tuple(self._array(place) for place in frame.places))

    def _next_frame(self, deadline: float) -> _Frame:
        try:
            return msgspec.msgpack.decode(_receive(self._socket, deadline), type=_Frame)
        except TimeoutError as error:
            raise InputTrouble(Reason.TIMEOUT, "killed at its deadline") from error
        except (OSError, msgspec.DecodeError) as error:
            raise self._death() from error

    def _array(self, place: _Place) -> Array:
        """The parent's copy of an array; what the worker says of it is checked first."""
        count = math.prod(place.shape)
        if place.dtype not in DTYPES or min(place.shape, default=0) < 0 or place.offset < 0:
            raise InputTrouble(Reason.WORKER_CRASHED, "the worker sent an impossible array")
        dtype = np.dtype(place.dtype)
        if place.offset + count * dtype.itemsize > ARENA_BYTES:
            raise InputTrouble(Reason.WORKER_CRASHED, "the worker sent an array out of bounds")
        return np.frombuffer(self._arena, dtype, count, place.offset).reshape(place.shape).copy()

    def _death(self) -> InputTrouble:
        """Why the worker is gone, from how it ended."""
        self._process.kill()
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return InputTrouble(Reason.TIMEOUT, "over its limit of processor time")
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return InputTrouble(Reason.WORKER_CRASHED, f"ended by {name}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()
        self._arena.close()


def _trouble(frame: _Frame) -> InputTrouble:
    text = frame.data.decode(errors="replace")
    if frame.kind == "memory":
        return InputTrouble(Reason.MEMORY_LIMIT, "over its limit of memory")
    log.error("a worker's function failed:\n%s", text)
    return InputTrouble(Reason.WORKER_CRASHED, text.rstrip().rpartition("\n")[2])


def _spawn(function: str, sock: int, arena: int, memory_bytes: int) -> subprocess.Popen[bytes]:
    """Start a fresh interpreter: no state, no open file and no signal of the parent's."""
    path = [entry for entry in sys.path if entry]  # never the current folder by ""
    arguments = json.dumps([path, function, sock, arena, memory_bytes])
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", BOOT, arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(sock, arena),
        env={**os.environ, **one_thread},
        start_new_session=True,  # the terminal's Ctrl-C is the parent's to handle
    )


def _arena_file() -> int:
    """A nameless file for the shared memory, which no worker can shrink under the parent."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            os.ftruncate(file.fileno(), ARENA_BYTES)
            return os.dup(file.fileno())
    import fcntl

    fd = os.memfd_create("verascope", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, ARENA_BYTES)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd


def _send(sock: socket.socket, frame: bytes) -> None:
    sock.sendall(len(frame).to_bytes(4, "big") + frame)


def _receive(sock: socket.socket, deadline: float | None = None) -> bytes:
    """One frame. Raises TimeoutError at the deadline, ConnectionError at the other's end."""
    size = int.from_bytes(_exactly(sock, 4, deadline), "big")
    if size > MAX_FRAME_BYTES:
        raise ConnectionError("a frame over the limit")
    return _exactly(sock, size, deadline)


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([sock], [], [], left)[0]:
                raise TimeoutError
        part = sock.recv(min(size - len(data), 1 << 20))
        if not part:
            raise ConnectionError("the other end is gone")
        data += part
    return bytes(data)


# ---- inside the worker ----------------------------------------------------------------------


def serve(function: str, sock_fd: int, arena_fd: int, memory_bytes: int) -> None:
    """The worker's main loop; returns when the parent is gone."""
    sock = socket.socket(fileno=sock_fd)
    arena = mmap.mmap(arena_fd, ARENA_BYTES)
    os.close(arena_fd)
    module, _, name = function.partition(":")
    run: Function = getattr(import_module(module), name)
    _limit(memory_bytes)
    while True:
        try:
            request = msgspec.msgpack.decode(_receive(sock), type=_Request)
        except ConnectionError:
            return
        _limit_cpu(request.cpu_limit_s)
        for frame in _answer(run, request, arena):
            _send(sock, msgspec.msgpack.encode(frame))


def _answer(run: Function, request: _Request, arena: mmap.mmap) -> Iterator[_Frame]:
    room = _Room(arena)
    try:
        for data, arrays in run(request.data):
            yield _Frame("message", data, tuple(room.lay_out(array) for array in arrays))
            _limit_cpu(request.cpu_limit_s)
    except MemoryError:
        yield _Frame("memory")
    except Exception:  # noqa: BLE001 - the process boundary: the parent logs the traceback
        import traceback

        yield _Frame("fault", traceback.format_exc().encode(errors="replace"))
    else:
        yield _Frame("end")


class _Room:
    """The shared memory during one call.

    An array stays where it is until the call ends, however late the parent is in copying it.
    """

    def __init__(self, arena: mmap.mmap) -> None:
        self._arena = arena
        self._offset = 0

    def lay_out(self, array: Array) -> _Place:
        offset = self._offset
        if offset + array.nbytes > ARENA_BYTES:
            raise MemoryError
        shared = np.frombuffer(self._arena, array.dtype, array.size, offset)
        shared.reshape(array.shape)[...] = array
        self._offset += (array.nbytes + 63) // 64 * 64
        return _Place(array.dtype.name, array.shape, offset)


def _limit(memory_bytes: int) -> None:
    """Bound what the process may take; it may write no file and leave no core behind."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _limit_cpu(seconds: int) -> None:
    """Let the process use so many more seconds of processor time, then die of SIGXCPU.

    The parent's deadline comes first; this one holds when the parent is dead.
    """
    limit = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
