"""Tensors and facts out of a GGUF file: the container of llama.cpp, version 2 or 3, little-endian.

Layout: magic, version, counts; facts as typed key and value; of each tensor its name, shape, type
and offset; then the data, aligned. Quantised tensors are blocks of 32 or 256 numbers with scales.
Source: docs/gguf.md and ggml-common.h of ggml-org/ggml.
"""

import math
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verascope.errors import UsageError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32
MOST_ITEMS = 2_000_000  # of one array, or tensors
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Gguf(NamedTuple):
    """A file that was read: facts by key, and wanted tensors by name, as float32."""

    facts: dict[str, Any]
    tensors: dict[str, Floats]


def read(data: bytes, wanted: Callable[[str], bool]) -> Gguf:
    """Facts, and the tensors whose names are wanted.

    Raises:
        UsageError: it is no such file, or a tensor is of a type that is not known.
    """
    try:
        return _read(_Cursor(data), wanted)
    except (struct.error, LookupError, ValueError, OverflowError) as error:
        raise UsageError(f"not a GGUF file that can be read ({error})") from error


class _Cursor:
    """A place in the file."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = memoryview(data), 0

    def take(self, kind: str) -> Any:
        """A number of a kind of `struct`."""
        (value,) = struct.unpack_from(f"<{kind}", self.data, self.at)
        self.at += struct.calcsize(f"<{kind}")
        return value

    def count(self) -> int:
        """A number of things, which cannot be more than there are bytes left."""
        value = int(self.take("Q"))
        if value > min(MOST_ITEMS, len(self.data) - self.at):
            raise ValueError(f"it claims {value} items")
        return value

    def text(self) -> str:
        """A string behind its length."""
        length = int(self.take("Q"))
        found = bytes(self.data[self.at : self.at + length])
        if len(found) != length:
            raise ValueError("it ends too early")
        self.at += length
        return found.decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A fact of a type."""
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            return self.take(NUMBERS[kind])
        inner = int(self.take("I"))
        if inner == ARRAY:
            raise ValueError("arrays of arrays are not read")
        return [self.value(inner) for _ in range(self.count())]


def _read(file: _Cursor, wanted: Callable[[str], bool]) -> Gguf:
    if bytes(file.data[:4]) != MAGIC:
        raise ValueError("its first bytes are others")
    file.at = 4
    if (version := file.take("I")) not in VERSIONS:
        raise ValueError(f"version {version}")
    tensors, facts = file.count(), file.count()
    known = {file.text(): file.value(int(file.take("I"))) for _ in range(facts)}
    told = [_told(file) for _ in range(tensors)]
    alignment = known.get("general.alignment", ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise ValueError(f"an alignment of {str(alignment)[:20]}")
    start = -(-file.at // alignment) * alignment
    data = np.frombuffer(file.data, np.uint8)[start:]
    chosen = [each for each in told if wanted(each[0])]
    if sum(_bytes(shape, kind) for _, shape, kind, _ in chosen) > len(data):
        raise ValueError("its tensors claim more bytes than there are")
    found = {name: _floats(data[at:], shape, kind) for name, shape, kind, at in chosen}
    return Gguf(known, found)


def _told(file: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    """A tensor's name, its shape (slowest first), type and offset."""
    name, rank = file.text(), int(file.take("I"))
    if rank > 4:
        raise ValueError(f"{name} has {rank} dimensions")
    shape = tuple(int(file.take("Q")) for _ in range(rank))
    return name, shape[::-1], int(file.take("I")), int(file.take("Q"))


def _bytes(shape: tuple[int, ...], kind: int) -> int:
    """What a tensor of a shape and type takes in the file."""
    if kind not in TYPES:
        raise ValueError(f"type {kind} is not known")
    block, size, _ = TYPES[kind]
    blocks, left = divmod(math.prod(shape), block)
    if left or not blocks:
        raise ValueError("a tensor is not whole blocks")
    return blocks * size


def _floats(data: Bytes, shape: tuple[int, ...], kind: int) -> Floats:
    _, size, decode = TYPES[kind]
    length = _bytes(shape, kind)
    if length > len(data):
        raise ValueError("a tensor ends too early")
    return decode(data[:length].reshape(-1, size)).reshape(shape)


def _halves(blocks: Bytes, at: int) -> Floats:
    """The half-precision number at a place of each block, float32 [n, 1]."""
    return blocks[:, at : at + 2].copy().view("<f2").astype(np.float32)


def _nibbles(packed: Bytes) -> Floats:
    """Low halves of bytes, then high ones: [n, k] to [n, 2 k]."""
    return np.concatenate((packed & 15, packed >> 4), axis=1).astype(np.float32)


def _f32(blocks: Bytes) -> Floats:
    return blocks.copy().view("<f4").astype(np.float32)


def _f16(blocks: Bytes) -> Floats:
    return blocks.copy().view("<f2").astype(np.float32)


def _q4_1(blocks: Bytes) -> Floats:
    return _halves(blocks, 0) * _nibbles(blocks[:, 4:]) + _halves(blocks, 2)


def _q8_0(blocks: Bytes) -> Floats:
    return _halves(blocks, 0) * blocks[:, 2:].copy().view(np.int8).astype(np.float32)


# By their number in the file: numbers of a block, its bytes, how it is read.
TYPES: dict[int, tuple[int, int, Callable[[Bytes], Floats]]] = {
    0: (1, 4, _f32),
    1: (1, 2, _f16),
    3: (32, 20, _q4_1),
    8: (32, 34, _q8_0),
}
