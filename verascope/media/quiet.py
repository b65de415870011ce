"""Silence for C libraries that print to the process's standard error whatever they like."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


class _Quiet:
    """How many are in need of silence, and where standard error led before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._saved = -1

    def enter(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._saved = _hush()
            self._depth += 1

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._saved >= 0:
                os.dup2(self._saved, STDERR)
                os.close(self._saved)


_QUIET = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing written to file descriptor 2 meanwhile is seen, in any thread of the process."""
    _QUIET.enter()
    try:
        yield
    finally:
        _QUIET.leave()


def _hush() -> int:
    """Lead descriptor 2 to nowhere; returns a descriptor of where it led, -1 if it was closed."""
    try:
        saved = os.dup(STDERR)
    except OSError:
        return -1
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    return saved
