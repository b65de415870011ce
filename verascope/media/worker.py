"""The worker's side of the sandbox: limits itself, then answers calls until the parent is gone.

Imports as little as it can: every scan starts at least one of these.
"""

import math
import mmap
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TypeAlias

import msgspec
import numpy as np

from verascope.media.wire import ARENA_BYTES, Array, Frame, Place, Request, receive, send

# What a worker runs: one request to messages, each the bytes and the arrays to hand over.
Function: TypeAlias = Callable[[bytes], Iterator[tuple[bytes, Sequence[Array]]]]

# It may write no file and leaves no core behind.
BOUNDS = ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 64))


def serve(function: str, sock_fd: int, arena_fd: int, memory_bytes: int) -> None:
    """The worker's main loop; returns when the parent is gone."""
    sock = socket.socket(fileno=sock_fd)
    arena = mmap.mmap(arena_fd, ARENA_BYTES)
    os.close(arena_fd)
    module, _, name = function.partition(":")
    run: Function = getattr(import_module(module), name)
    _bound(resource.RLIMIT_AS, memory_bytes)
    for kind, limit in BOUNDS:
        _bound(kind, limit)
    while True:
        try:
            request = msgspec.msgpack.decode(receive(sock), type=Request)
        except ConnectionError:
            return
        _limit_cpu(request.cpu_limit_s)
        for frame in _answer(run, request, arena):
            send(sock, msgspec.msgpack.encode(frame))


def _answer(run: Function, request: Request, arena: mmap.mmap) -> Iterator[Frame]:
    room = _Room(arena)
    try:
        for data, arrays in run(request.data):
            yield Frame("message", data, tuple(room.lay_out(array) for array in arrays))
            _limit_cpu(request.cpu_limit_s)
    except MemoryError:
        yield Frame("memory")
    except Exception:  # noqa: BLE001 - the process boundary: the parent logs the traceback
        import traceback

        yield Frame("fault", traceback.format_exc().encode(errors="replace"))
    else:
        yield Frame("end")


class _Room:
    """The shared memory during one call.

    An array stays where it is until the call ends, however late the parent is in copying it.
    """

    def __init__(self, arena: mmap.mmap) -> None:
        self._arena = arena
        self._offset = 0

    def lay_out(self, array: Array) -> Place:
        offset = self._offset
        if offset + array.nbytes > ARENA_BYTES:
            raise MemoryError
        shared = np.frombuffer(self._arena, array.dtype, array.size, offset)
        shared.reshape(array.shape)[...] = array
        self._offset += (array.nbytes + 63) // 64 * 64
        return Place(array.dtype.name, array.shape, offset)


def _bound(kind: int, wanted: int) -> None:
    """Bound what the process may take, within what it may have at all."""
    hard = resource.getrlimit(kind)[1]
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (limit, limit))


def _limit_cpu(seconds: int) -> None:
    """Let the process use so many more seconds of processor time, then die of SIGXCPU.

    The parent's deadline comes first; this one holds when the parent is dead.
    """
    limit, hard = (
        math.ceil(time.process_time()) + seconds,
        resource.getrlimit(resource.RLIMIT_CPU)[1],
    )
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
