"""A part of a file as a file of its own, with a header of ours in front of it if need be."""

import io
from typing import Any, BinaryIO


class SpanFile(io.RawIOBase):
    """A read-only, seekable file of some bytes and a span of another file; nothing is copied.

    A seek before the start goes to the start: C libraries that call back cannot be told of errors.
    """

    def __init__(self, file: BinaryIO, start: int, end: int, front: bytes = b"") -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._front = front
        self._size = len(front) + max(0, end - start)
        self._at = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move."""
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a writable buffer as far as there are bytes."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; all that are left if it is negative."""
        left = max(0, self._size - self._at)
        size = left if size is None or size < 0 else min(size, left)
        piece = self._front[self._at : self._at + size]
        if len(piece) < size:
            self._file.seek(self._start + self._at + len(piece) - len(self._front))
            piece += self._file.read(size - len(piece))
        self._at += len(piece)
        return piece
