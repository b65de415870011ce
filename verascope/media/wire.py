"""What a worker and its parent say to each other, and the memory that they share.

Frames are MessagePack behind four bytes of length; nothing is ever unpickled.
"""

import select
import socket
import time
from typing import Any, TypeAlias

from msgspec import Struct
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

ARENA_BYTES = 256 << 20  # shared memory; sparse, so only what is written costs anything
MAX_FRAME_BYTES = 64 << 20


class Request(Struct, frozen=True):
    """One call: the function's request, and the processor time that each message may take."""

    data: bytes
    cpu_limit_s: int


class Place(Struct, frozen=True):
    """Where an array lies in the shared memory."""

    dtype: str
    shape: tuple[int, ...]
    offset: int


class Frame(Struct, frozen=True):
    """An answer; `kind` is message, end, memory (over its limit) or fault (data: a traceback)."""

    kind: str
    data: bytes = b""
    places: tuple[Place, ...] = ()


def send(sock: socket.socket, frame: bytes) -> None:
    """Send one frame."""
    sock.sendall(len(frame).to_bytes(4, "big") + frame)


def receive(sock: socket.socket, deadline: float | None = None) -> bytes:
    """One frame. Raises TimeoutError at the deadline, ConnectionError at the other's end."""
    size = int.from_bytes(_exactly(sock, 4, deadline), "big")
    if size > MAX_FRAME_BYTES:
        raise ConnectionError("a frame over the limit")
    return _exactly(sock, size, deadline)


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if deadline is not None and not _ready(sock, deadline):
            raise TimeoutError
        part = sock.recv(min(size - len(data), 1 << 20))
        if not part:
            raise ConnectionError("the other end is gone")
        data += part
    return bytes(data)


def _ready(sock: socket.socket, deadline: float) -> bool:
    """Whether there is something to read before the deadline."""
    poll = select.poll()  # select would fail in a process with many open files
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(max(0.0, 1000 * (deadline - time.monotonic()))))
