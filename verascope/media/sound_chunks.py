"""WAV and AIFF: files of chunks, of which the decoder gets to see format and samples alone."""

import struct
from collections.abc import Iterator

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.sound_header import SoundHeader, Span, check_format
from verascope.result import Reason

MAX_FORMAT_BYTES = 4096
FORMAT_BYTES = 16  # of a WAV's format chunk, at the least
COMM_BYTES = 18
OPEN_ENDED = 0x7FFF_0000  # a length from here on, or none, is what live recorders leave


def read_wav(data: Buffer) -> SoundHeader:
    """A WAV's header, also of RF64 and RIFX; duration is left to the decoder.

    Raises:
        InputTrouble: CORRUPT; TRUNCATED where no sample is left.
    """
    order = ">" if data[:4] == b"RIFX" else "<"
    form: bytes | None = None
    long_size = 0
    for kind, start, size in _chunks(data, order):
        if kind == b"fmt " and form is None:
            form = _wav_format(data[start : start + min(size, MAX_FORMAT_BYTES)], order)
        elif kind == b"ds64" and size >= 16:
            long_size = int.from_bytes(data[start + 8 : start + 16], "little")
        elif kind == b"data":
            size = long_size if data[:4] == b"RF64" and size == 0xFFFF_FFFF else size
            return _wav(data, order, form, start, size)
    raise InputTrouble(Reason.CORRUPT, "there is no sample in it")


def _wav(data: Buffer, order: str, form: bytes | None, start: int, size: int) -> SoundHeader:
    if form is None:
        raise InputTrouble(Reason.CORRUPT, "no format chunk stands before the samples")
    channels, rate = struct.unpack_from(order + "HI", form, 2)
    held = len(data) - start
    open_ended = size >= OPEN_ENDED or (size == 0 and held > 0)
    taken = held if open_ended else min(size, held)
    _some(taken, held >= size)
    front = _front(order, form, taken)
    spans = (Span(start, start + taken, front),)
    complete = open_ended or size <= held
    return SoundHeader(None, rate, channels, complete=complete, spans=spans)


def _wav_format(form: bytes, order: str) -> bytes:
    if len(form) < FORMAT_BYTES:
        raise InputTrouble(Reason.CORRUPT, "the format chunk is too short")
    tag, channels, rate, _, block, bits = struct.unpack_from(order + "HHIIHH", form)
    check_format(rate, channels)
    if block == 0 or (bits == 0 and tag in (1, 3)):
        raise InputTrouble(Reason.CORRUPT, f"samples of {bits} bits in blocks of {block} bytes")
    return form


def _front(order: str, form: bytes, taken: int) -> bytes:
    """A header with nothing in it but the format and the true length."""
    form += bytes(len(form) % 2)
    pack = struct.Struct(order + "4sI").pack
    head = (b"RIFX" if order == ">" else b"RIFF", 4 + 8 + len(form) + 8 + taken)
    return pack(*head) + b"WAVE" + pack(b"fmt ", len(form)) + form + pack(b"data", taken)


def read_aiff(data: Buffer) -> SoundHeader:
    """The header of an AIFF or AIFC.

    Raises:
        InputTrouble: CORRUPT; TRUNCATED where no sample is left.
    """
    common: bytes | None = None
    sound: tuple[int, int] | None = None
    for kind, start, size in _chunks(data, ">"):
        if kind == b"COMM" and common is None:
            common = bytes(data[start : start + min(size, MAX_FORMAT_BYTES)])
        elif kind == b"SSND" and sound is None:
            sound = (start, size)
    if common is None or len(common) < COMM_BYTES:
        raise InputTrouble(Reason.CORRUPT, "there is no common chunk")
    if sound is None:
        raise InputTrouble(Reason.CORRUPT, "there is no sample in it")
    return _aiff(data, common, *sound)


def _aiff(data: Buffer, common: bytes, start: int, size: int) -> SoundHeader:
    channels, bits, rate = int.from_bytes(common[:2], "big"), common[7], _extended(common[8:18])
    check_format(rate, channels)
    if bits == 0:
        raise InputTrouble(Reason.CORRUPT, "samples of 0 bits")
    held = len(data) - start
    taken = min(size, held)
    _some(taken - 8, held >= size)
    common += bytes(len(common) % 2)
    pack = struct.Struct(">4sI").pack
    head = pack(b"FORM", 4 + 8 + len(common) + 8 + taken) + bytes(data[8:12])
    front = head + pack(b"COMM", len(common)) + common + pack(b"SSND", taken)
    spans = (Span(start, start + taken, front),)
    return SoundHeader(None, rate, channels, complete=size <= held, spans=spans)


def _extended(number: bytes) -> int:
    """An 80-bit floating point number, as AIFF writes its rate, to a whole one; 0 if absurd."""
    exponent, mantissa = struct.unpack(">HQ", number)
    shift = 16383 + 63 - (exponent & 0x7FFF)
    return mantissa >> shift if 0 <= shift < 64 and exponent < 0x8000 else 0


def _some(taken: int, complete: bool) -> None:
    if taken <= 0:
        raise InputTrouble(Reason.CORRUPT if complete else Reason.TRUNCATED, "no sample is left")


def _chunks(data: Buffer, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, claimed size) of each chunk; the walk is bounded by the file's size."""
    head = struct.Struct(order + "4sI")
    at = 12
    while at + 8 <= len(data):
        kind, size = head.unpack_from(data, at)
        yield kind, at + 8, size
        at += 8 + size + size % 2
