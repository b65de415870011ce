"""A stream as a file that another process can open by a path, and of which nothing stays behind."""

import os
import sys
import tempfile
from types import TracebackType
from typing import BinaryIO

PIECE_BYTES = 1 << 20


class Spool:
    """Copies a stream to a temporary file; as a context manager gives the path to open it by.

    On Linux the file has no name: it is gone with the process, however that ends. One byte over the
    limit is copied at most, which is enough to be told that it is over.
    """

    def __init__(self, stream: BinaryIO, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes

    def __enter__(self) -> str:
        nameless = sys.platform == "linux"
        make = tempfile.TemporaryFile if nameless else tempfile.NamedTemporaryFile
        self._file = make(prefix="verascope-")
        left = self._max_bytes + 1
        while left > 0 and (piece := self._stream.read(min(left, PIECE_BYTES))):
            self._file.write(piece)
            left -= len(piece)
        self._file.flush()
        return f"/proc/{os.getpid()}/fd/{self._file.fileno()}" if nameless else self._file.name

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._file.close()
