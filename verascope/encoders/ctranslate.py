"""Tensors out of a `model.bin` of CTranslate2: a flat list of named tensors, little-endian.

Layout (version 6): version, name and revision of the specification, number of tensors; of each
tensor its name, rank, dimensions, type, number of bytes and the bytes; then aliases.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verascope.errors import UsageError

VERSION = 6
TYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")  # by their number in the file


def read(data: bytes, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    """Tensors by name, as they are stored.

    Args:
        data: the file.
        wanted: whether a tensor of a name is to be read.

    Raises:
        UsageError: it is no such file.
    """
    try:
        return dict(_tensors(_Cursor(data), wanted))
    except (struct.error, LookupError, ValueError) as error:
        raise UsageError(f"not a model.bin of CTranslate2, version {VERSION} ({error})") from error


class _Cursor:
    """A place in the file."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = memoryview(data), 0

    def number(self, kind: str) -> int:
        """An unsigned number of a kind of `struct`."""
        (value,) = struct.unpack(f"<{kind}", self.bytes(struct.calcsize(kind)))
        return int(value)

    def bytes(self, count: int) -> memoryview:
        """The next so many bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("it ends too early")
        self._at += count
        return found

    def text(self) -> str:
        """A string behind its length, closed by a zero."""
        return bytes(self.bytes(self.number("H"))).rstrip(b"\0").decode()


def _tensors(file: _Cursor, wanted: Callable[[str], bool]) -> list[tuple[str, NDArray[Any]]]:
    if (version := file.number("I")) != VERSION:
        raise ValueError(f"version {version}")
    file.text()
    file.number("I")
    found = []
    for _ in range(file.number("I")):
        name, rank = file.text(), file.number("B")
        shape = [file.number("I") for _ in range(rank)]
        kind, size = file.number("B"), file.number("I")
        content = file.bytes(size)
        if wanted(name):
            found.append((name, np.frombuffer(content, TYPES[kind]).reshape(shape)))
    return found
