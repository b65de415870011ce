"""GIF: the screen's size, and a walk over the blocks to the second frame."""

from verascope.errors import InputTrouble
from verascope.media.buffer import Buffer
from verascope.media.header import Header, check_size, header
from verascope.result import Reason, Warn
from verascope.settings import Limits

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B


def read_header(data: Buffer, limits: Limits) -> Header:
    """The screen's size; blocks after the second frame's beginning are not looked at.

    Raises:
        InputTrouble: TOO_LARGE, CORRUPT or TRUNCATED.
    """
    if len(data) < 13:
        raise InputTrouble(Reason.TRUNCATED, "the file ends inside its header")
    size = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    check_size(*size, limits)
    frames, end = _walk(data, limits)
    if not frames:
        reason = Reason.TRUNCATED if end is None else Reason.CORRUPT
        raise InputTrouble(reason, "there is no frame")
    warnings = set()
    if frames > 1:
        warnings.add(Warn.FIRST_FRAME_ONLY)
    elif end is not None and end < len(data):
        warnings.add(Warn.TRAILING_DATA)
    return header(size, 1, warnings, complete=frames > 1 or end is not None)


def _walk(data: Buffer, limits: Limits) -> tuple[int, int | None]:
    """Frames seen (at most 2) and where the trailer ends, None where it was not reached."""
    frames, at = 0, 13 + _table_bytes(data[10])
    while at < len(data):
        kind = data[at]
        if kind == TRAILER:
            return frames, at + 1
        if kind == IMAGE:
            frames += 1
            if frames == 2 or at + 10 > len(data):
                return frames, None
            _check_frame(data, at, limits)
            at = _after_blocks(data, at + 11 + _table_bytes(data[at + 9]))
        elif kind == EXTENSION:
            at = _after_blocks(data, at + 2)
        else:
            return frames, at
    return frames, None


def _check_frame(data: Buffer, at: int, limits: Limits) -> None:
    """A frame may reach over the screen; decoders then enlarge the screen."""
    x, y, width, height = (
        int.from_bytes(data[i : i + 2], "little") for i in range(at + 1, at + 9, 2)
    )
    check_size(x + width, y + height, limits)


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: Buffer, at: int) -> int:
    """Skip sub-blocks, each with its length in front, up to the empty one."""
    end = len(data)
    while at < end and (size := data[at]):
        at += size + 1
    return at + 1
