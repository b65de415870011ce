"""GIF: the screen's size, and a walk over the blocks to the second frame."""

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.header import Header, check_size, header
from verascope.result import Reason, Warn
from verascope.settings import Limits

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B


def read_header(data: Buffer, limits: Limits) -> Header:
    """The screen's size; nothing behind the second frame's beginning is looked at.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT or TRUNCATED.
    """
    if len(data) < 13:
        raise InputTrouble(Reason.TRUNCATED, "the file ends inside its header")
    screen = _two_numbers(data, 6)
    check_size(*screen, limits)
    first = _first_frame(data)
    size = _with_frame(screen, data, first)
    check_size(*size, limits)
    after = _after_blocks(data, first + 11 + _table_bytes(data[first + 9]))
    warnings = _note_rest(data, after)
    return header(size, 1, warnings, complete=after <= len(data))


def is_interlaced(data: Buffer) -> bool:
    """Whether the first frame's rows come in four passes."""
    return bool(data[_first_frame(data) + 9] & 0x40)


def _first_frame(data: Buffer) -> int:
    """Where the first frame's descriptor begins; bytes that are no block are passed over."""
    at = _after_extensions(data, 13 + _table_bytes(data[10]))
    while at < len(data) and data[at] not in (IMAGE, TRAILER):
        at = _after_extensions(data, at + 1)
    if at < len(data) and data[at] == TRAILER:
        raise InputTrouble(Reason.CORRUPT, "there is no frame")
    if at + 10 > len(data):
        raise InputTrouble(Reason.TRUNCATED, "the file ends before the first frame")
    return at


def _note_rest(data: Buffer, at: int) -> set[Warn]:
    """What follows the first frame: another one, or bytes behind the end."""
    at = _after_extensions(data, at)
    if at < len(data) and data[at] == IMAGE:
        return {Warn.FIRST_FRAME_ONLY}
    if at < len(data) and (data[at] != TRAILER or at + 1 < len(data)):
        return {Warn.TRAILING_DATA}
    return set()


def _after_extensions(data: Buffer, at: int) -> int:
    while at < len(data) and data[at] == EXTENSION:
        at = _after_blocks(data, at + 2)
    return at


def _with_frame(screen: tuple[int, int], data: Buffer, at: int) -> tuple[int, int]:
    """A frame may reach over the screen; Pillow then enlarges the screen."""
    (x, y), (width, height) = _two_numbers(data, at + 1), _two_numbers(data, at + 5)
    return max(screen[0], x + width), max(screen[1], y + height)


def _two_numbers(data: Buffer, at: int) -> tuple[int, int]:
    low, high = data[at : at + 2], data[at + 2 : at + 4]
    return int.from_bytes(low, "little"), int.from_bytes(high, "little")


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: Buffer, at: int) -> int:
    """Skip sub-blocks, each with its length in front, up to the empty one."""
    end = len(data)
    while at < end and (size := data[at]):
        at += size + 1
    return at + 1
