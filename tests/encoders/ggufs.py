"""GGUF files written by the tests, a field at a time, by the format's description."""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

F32, F16, Q4_1, Q8_0 = 0, 1, 3, 8
ALIGNMENT = 32
Tensor = tuple[tuple[int, ...], int, bytes]  # shape with the slowest first, type, data


def text(words: str) -> bytes:
    """A string behind its length."""
    data = words.encode()
    return struct.pack("<Q", len(data)) + data


def value(held: Any) -> bytes:
    """A fact behind its type: a string, a list of strings, a float, a truth or an uint32."""
    if isinstance(held, str):
        return struct.pack("<I", 8) + text(held)
    if isinstance(held, list):
        return struct.pack("<IIQ", 9, 8, len(held)) + b"".join(text(each) for each in held)
    if isinstance(held, bool):
        return struct.pack("<I?", 7, held)
    return struct.pack("<If", 6, held) if isinstance(held, float) else struct.pack("<II", 4, held)


def written(facts: Mapping[str, Any], tensors: Mapping[str, Tensor], version: int = 3) -> bytes:
    """A file of facts and tensors."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(facts))
    head += b"".join(text(key) + value(held) for key, held in facts.items())
    body = b""
    for name, (shape, kind, data) in tensors.items():
        body += b"\0" * (-len(body) % ALIGNMENT)
        head += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        head += struct.pack("<IQ", kind, len(body))
        body += data
    return head + b"\0" * (-len(head) % ALIGNMENT) + body


def halves(values: np.ndarray) -> Tensor:
    """A tensor of halves."""
    return values.shape, F16, values.astype("<f2").tobytes()


def floats(values: np.ndarray) -> Tensor:
    """A tensor of floats."""
    return values.shape, F32, values.astype("<f4").tobytes()
