"""GGUF as data: what is in a file comes out, and a file that lies is refused by name."""

import struct
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.encoders import ggufs
from verascope.encoders.gguf import Gguf, read
from verascope.errors import UsageError

FACTS = {"name": "tiny", "heads": 9, "turn": 1e5, "tied": True, "words": ["a", "Ġb", "é"]}


def every(name: str) -> bool:
    return True


def block_of_nibbles(scale: float, least: float, numbers: list[int]) -> bytes:
    """Q4_1: two halves, then byte k holds number k below and number 16 + k above."""
    packed = bytes(numbers[k] | numbers[k + 16] << 4 for k in range(16))
    return np.array([scale, least], "<f2").tobytes() + packed


def block_of_bytes(scale: float, numbers: list[int]) -> bytes:
    """Q8_0: a half, then 32 signed bytes."""
    return np.array([scale], "<f2").tobytes() + struct.pack("<32b", *numbers)


def tiny() -> bytes:
    rng = np.random.default_rng(1)
    signed = [*range(-128, -96), *range(96, 128)]
    nibbles = [*range(16), *range(15, -1, -1)]
    return ggufs.written(
        FACTS,
        {
            "floats": ggufs.floats(rng.normal(size=(2, 3))),
            "halves": ggufs.halves(np.arange(6).reshape(3, 2) / 4),
            "nibbles": (
                (2, 32),
                ggufs.Q4_1,
                block_of_nibbles(0.5, -2, nibbles) + block_of_nibbles(2, 1, nibbles[::-1]),
            ),
            "bytes": (
                (1, 64),
                ggufs.Q8_0,
                block_of_bytes(0.25, signed[:32]) + block_of_bytes(-3, signed[32:]),
            ),
        },
    )


def test_facts_and_tensors_come_out() -> None:
    found = read(tiny(), every)
    assert found.facts == FACTS
    tensors = found.tensors
    assert all(each.dtype == np.float32 for each in tensors.values())
    wanted = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    np.testing.assert_array_equal(tensors["floats"], wanted)
    np.testing.assert_array_equal(tensors["halves"], [[0, 0.25], [0.5, 0.75], [1, 1.25]])
    up = np.array([*range(16), *range(15, -1, -1)])
    np.testing.assert_array_equal(tensors["nibbles"], [up * 0.5 - 2, up[::-1] * 2.0 + 1])
    numbers = np.concatenate([np.arange(-128, -96) * 0.25, np.arange(96, 128) * -3.0])
    np.testing.assert_array_equal(tensors["bytes"], [numbers])


def test_only_what_is_wanted_is_read() -> None:
    assert set(read(tiny(), lambda name: name == "halves").tensors) == {"halves"}
    odd = ggufs.written({}, {"odd": ((32,), 14, b"")})  # Q6_K, which is not read
    assert read(odd, lambda name: False).tensors == {}


def test_an_alignment_of_the_files_own() -> None:
    data = ggufs.written({"general.alignment": 8}, {"a": ggufs.floats(np.ones(3))})
    start = len(data) - 12
    moved = data[: start - start % 8] + data[start:]
    head = data[:start].rstrip(b"\0")
    assert len(head) <= start - start % 8 and read(moved, every).tensors["a"].sum() == 3


def refused(data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(data, every)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "first bytes"),
        (b"GGML" + tiny()[4:], "first bytes"),
        (ggufs.written({}, {}, version=1), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63), "claims 9223372036854775808 items"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**64 - 1) + b"a" * 64, "too early"),
        (ggufs.written({"general.alignment": 0}, {}), "alignment of 0"),
        (ggufs.written({"general.alignment": "x"}, {}), "alignment of x"),
        (ggufs.written({"general.alignment": ["x"]}, {}), "alignment of"),
        (ggufs.written({}, {"a": ((8,), 14, b"a" * 64)}), "type 14 is not known"),
        (ggufs.written({}, {"a": ((8,), ggufs.F32, b"a" * 31)}), "more bytes than there are"),
        (ggufs.written({}, {"a": ((2**40, 2**40), ggufs.F16, b"a")}), "more bytes"),
        (ggufs.written({}, {"a": ((0, 2**62), ggufs.F16, b"a")}), "not whole blocks"),
        (ggufs.written({}, {"a": ((33,), ggufs.Q8_0, b"a" * 68)}), "not whole blocks"),
        (ggufs.written({}, {"a": ((1,) * 5, ggufs.F32, b"a" * 4)}), "5 dimensions"),
    ],
)
def test_a_lying_header_is_refused_by_name(data: bytes, words: str) -> None:
    refused(data, words)


def test_an_offset_behind_the_end_is_refused() -> None:
    data = ggufs.written({}, {"a": ggufs.floats(np.ones(8)), "b": ggufs.floats(np.ones(8))})
    place = data.index(text := ggufs.text("b")) + len(text) + 4 + 8 + 4
    for offset in (32 + 1, 64, 2**63, 2**64 - 1):
        refused(data[:place] + struct.pack("<Q", offset) + data[place + 8 :], "too early")


def test_arrays_of_arrays_are_refused() -> None:
    nested = struct.pack("<IQ", 9, 1) * 10_000
    data = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + ggufs.text("a")
    refused(data + struct.pack("<I", 9) + nested, "arrays of arrays")


def test_tensors_that_share_bytes_take_no_more_than_the_file_allows() -> None:
    size = 1 << 20
    one = ((size,), ggufs.F32, b"\0" * 4 * size)
    lying = {"a": one} | {f"b{k}": ((size,), ggufs.F32, b"") for k in range(1_000)}
    data = ggufs.written({}, lying)
    tracemalloc.start()
    refused(data, "more bytes than there are")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * len(data)


def taken(read_: Callable[[], Gguf]) -> None:
    """It is read, or refused as it should be; nothing else comes out."""
    try:
        found = read_()
    except UsageError as error:
        assert "not a GGUF file that can be read" in str(error)
    else:
        assert all(each.dtype == np.float32 for each in found.tensors.values())


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_follows_the_magic(tail: bytes) -> None:
    taken(lambda: read(b"GGUF\3\0\0\0" + tail, every))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(tiny()) - 1), st.binary(min_size=1, max_size=8))))
def test_a_damaged_file(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(tiny())
    for place, other in changes:
        data[place : place + len(other)] = other
    taken(lambda: read(bytes(data), every))


@settings(deadline=None)
@given(st.integers(0, len(tiny()) - 1))
def test_a_cut_file(length: int) -> None:
    with pytest.raises(UsageError):
        read(tiny()[:length], every)
