"""A request's body to a file on disk, within the limit, whatever it claims its length to be."""

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from fastapi import Request
from python_multipart.multipart import MultipartParser, parse_options_header

from verascope.serve.problems import ProblemError

MOST_HEADERS = 4096  # bytes of a part's headers
FILE_FIELD = "file"


class Upload(NamedTuple):
    """What was uploaded: its hash, its size, and the name that the client gave it."""

    sha256: str
    size: int
    name: str


async def save(request: Request, path: Path, max_bytes: int) -> Upload:
    """Write the body, or the `file` part of a multipart one, to a new file.

    Raises:
        ProblemError: 413 over the limit, 400 for a body that is no valid form, 422 without a file.
    """
    claimed = request.headers.get("content-length", "")
    slack = 65536 if _boundary(request) else 0  # headers of the parts, other fields
    if claimed.isdecimal() and int(claimed) > max_bytes + slack:
        raise ProblemError(413, f"at most {max_bytes} bytes are taken")
    try:
        with path.open("xb") as file:
            sink = _Sink(file.fileno(), max_bytes)
            boundary = _boundary(request)
            if boundary is None:
                async for piece in request.stream():
                    sink.write(piece)
                name = request.headers.get("x-file-name", "")
            else:
                name = await _form(request.stream(), boundary, sink, max_bytes + slack)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload(sink.digest.hexdigest(), sink.size, name)


class _Sink:
    """Writes, counts and hashes."""

    def __init__(self, fd: int, max_bytes: int) -> None:
        self._fd = fd
        self._max_bytes = max_bytes
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise ProblemError(413, f"at most {self._max_bytes} bytes are taken")
        self.digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(self._fd, view) :]


def _boundary(request: Request) -> bytes | None:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


class _Form:
    """Hands the bytes of the one part that is the file on, and passes over the others."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._field, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._is_file = False
        self.files = 0
        self.name = ""

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._bound()

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._bound()

    def header_end(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._is_file = options.get(b"name") == FILE_FIELD.encode()
        if self._is_file:
            self.files += 1
            self.name = options.get(b"filename", b"").decode(errors="replace")
        self._headers = {}

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file and self.files == 1:
            self._sink.write(data[start:end])

    def _bound(self) -> None:
        if len(self._field) + len(self._value) > MOST_HEADERS:
            raise ProblemError(400, "a part's headers are too long")


async def _form(stream: AsyncIterator[bytes], boundary: bytes, sink: _Sink, max_bytes: int) -> str:
    """The file's name, when its bytes have gone to the sink."""
    form, size = _Form(sink), 0
    parser = MultipartParser(
        boundary,
        {
            "on_header_field": form.header_field,
            "on_header_value": form.header_value,
            "on_header_end": form.header_end,
            "on_headers_finished": form.headers_finished,
            "on_part_data": form.part_data,
        },
    )
    try:
        async for piece in stream:
            size += len(piece)
            if size > max_bytes:
                raise ProblemError(413, f"at most {max_bytes} bytes are taken")
            parser.write(piece)
        parser.finalize()
    except ValueError as error:  # the parser's own errors are
        raise ProblemError(400, "the body is no valid multipart/form-data") from error
    if form.files != 1:
        raise ProblemError(422, f"the form must have one part called {FILE_FIELD!r}")
    return form.name
