"""What test_sandbox.py lets a worker do, good and bad."""

import ctypes
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from verascope.media import wire, worker

Answer = tuple[bytes, Sequence[Any]]


def run(request: bytes) -> Iterator[Answer]:
    yield from globals()[request.decode()]()


def echo() -> Iterator[Answer]:
    yield b"echo", ()


def pid() -> Iterator[Answer]:
    yield str(os.getpid()).encode(), ()


def environment() -> Iterator[Answer]:
    yield " ".join(os.environ).encode(), ()


def arrays() -> Iterator[Answer]:
    yield b"one", [np.arange(12, dtype=np.uint8).reshape(3, 4)]
    yield b"two", [np.zeros((0, 4), np.uint8), np.array([[-1, 2]], np.int32)]


def segfault() -> Iterator[Answer]:
    ctypes.string_at(0)
    yield b"", ()


def exit() -> Iterator[Answer]:
    os.kill(os.getpid(), 9)
    yield b"", ()


def memory() -> Iterator[Answer]:
    yield bytes(3_000_000_000)[:1], ()


def hang() -> Iterator[Answer]:
    yield b"still here", ()
    time.sleep(60)


def garbage() -> Iterator[Answer]:
    """Write to the parent past the protocol, as a worker that was taken over could."""
    for fd in range(3, 64):
        try:
            os.write(fd, b"\x00\x00\x00\x05hello")
        except OSError:
            continue
    yield b"", ()


def out_of_bounds() -> Iterator[Answer]:
    def lie(*_: object) -> wire.Place:
        return wire.Place("uint8", (10, 10), wire.ARENA_BYTES - 50)

    worker._Room.lay_out = lie  # type: ignore[method-assign, assignment]
    yield b"", [np.zeros((10, 10), np.uint8)]


def endless() -> Iterator[Answer]:
    while True:
        yield b"and so on", ()


def write() -> Iterator[Answer]:
    (Path("/tmp") / f"verascope-{os.getpid()}").write_bytes(b"a worker writes no file")
    yield b"written", ()


def raise_() -> Iterator[Answer]:
    raise KeyError("a fault of ours")


globals()["raise"] = raise_
