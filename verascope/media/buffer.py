"""An input's bytes in memory, and a file's face for decoders that want one; nothing is copied."""

import io
import mmap
from typing import TypeAlias

Buffer: TypeAlias = bytes | mmap.mmap


class BufferFile(io.RawIOBase):
    """A read-only, seekable file over bytes, a map or a view of them."""

    def __init__(self, data: Buffer | memoryview) -> None:
        super().__init__()
        self._view = memoryview(data)
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
        """Move; a negative position is the OSError that a real file gives."""
        start = (0, self._at, len(self._view))[whence]
        if start + offset < 0:
            raise OSError("seek before the start")
        self._at = start + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; all that are left if it is negative."""
        end = len(self._view) if size is None or size < 0 else self._at + size
        piece = bytes(self._view[self._at : end])
        self._at += len(piece)
        return piece

    def readall(self) -> bytes:
        """All bytes that are left."""
        return self.read()

    def close(self) -> None:
        """Let go of the bytes, so that a map can be closed."""
        self._view.release()
        super().close()
