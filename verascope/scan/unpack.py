"""Inside a worker: an archive's members, one after the other, from memory to memory.

Nothing is written, no name in an archive is ever a path on the disk, and every size that a header
claims is held against what really comes.
"""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

import msgspec
import numpy as np

from verascope.errors import InputTrouble
from verascope.media.source import open_regular
from verascope.media.wire import Array
from verascope.result import Reason
from verascope.scan.parts import ArchiveLimits, Part, UnpackRequest

PIECE_BYTES = 1 << 20
BATCH = 48  # members a call
BATCH_BYTES = 64_000_000
COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
DAMAGE = (
    EOFError,
    OSError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)


class _Found(NamedTuple):
    name: str
    data: bytes = b""
    reason: Reason | None = None
    detail: str = ""


class _Open(NamedTuple):
    """The archive of the last call, and where in it that call came to."""

    key: tuple[bytes, int]
    found: Iterator[_Found]


_open: list[_Open] = []


def unpack(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """Some members of an archive, from the one asked for on.

    Args:
        request: an UnpackRequest as MessagePack.
    """
    ask = msgspec.msgpack.decode(request, type=UnpackRequest)
    found = _resumed(ask)
    sent, index = 0, ask.first - 1
    for index, each in enumerate(found, ask.first):
        if each.name == NOT_ONE.name:
            yield _encoded(Part(index=index, not_an_archive=True), b"")
            return
        sent += len(each.data)
        full = index - ask.first + 1 >= BATCH or sent >= BATCH_BYTES
        part = Part(
            index=index,
            name=os.fsencode(each.name),
            reason=each.reason,
            detail=each.detail,
            more=full,
        )
        yield _encoded(part, each.data)
        if full:
            _open[:] = [_Open((ask.path, index + 1), found)]
            return


NOT_ONE = _Found("\0")


def _encoded(part: Part, data: bytes) -> tuple[bytes, Sequence[Array]]:
    arrays = (np.frombuffer(data, np.uint8),) if data else ()
    return msgspec.msgpack.encode(part), arrays


def _resumed(ask: UnpackRequest) -> Iterator[_Found]:
    """The members that are left: of the open archive, or from its beginning again."""
    kept, _open[:] = list(_open), []
    if kept and kept[0].key == (ask.path, ask.first):
        return kept[0].found
    found = _found(ask)
    for _ in range(ask.first):
        next(found, None)
    return found


def _found(ask: UnpackRequest) -> Iterator[_Found]:
    try:
        file = open_regular(ask.path, ask.follow_links, ask.limits)
    except InputTrouble:
        yield NOT_ONE  # the scanner says why, in its own words
        return
    with file:
        if not _is_archive(file):
            yield NOT_ONE
            return
        size = os.fstat(file.fileno()).st_size
        yield from _Unpacker(ask.bounds, ask.suffixes, size).members(file, "", 1)


def _is_archive(file: IO[bytes]) -> bool:
    """By its first bytes: zip, tar, or something compressed."""
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    return head[:4] in (b"PK\3\4", b"PK\5\6") or head[:2] in COMPRESSED or head[257:262] == b"ustar"


class _Unpacker:
    """Goes through an archive and what lies in it, and counts against the limits."""

    def __init__(self, bounds: ArchiveLimits, suffixes: tuple[str, ...], size: int) -> None:
        self._bounds = bounds
        self._suffixes = suffixes
        self._most = self._most_bytes(size)
        self._members = self._bytes = 0
        self._over = ""

    def members(self, file: IO[bytes], inside: str, depth: int) -> Iterator[_Found]:
        """The files in one archive; `inside` is its own name, with # behind, in an outer one."""
        try:
            yield from self._each(file, inside, depth)
        except DAMAGE as error:
            reason = Reason.TRUNCATED if _cut_short(error) else Reason.CORRUPT
            yield _Found(inside.rstrip("#"), reason=reason, detail=f"the archive: {error}"[:200])
        if self._over and depth == 1:
            yield _Found("", reason=Reason.TOO_LARGE, detail=f"the archive has {self._over}")

    def _each(self, file: IO[bytes], inside: str, depth: int) -> Iterator[_Found]:
        listing = _zip(file) if file.read(2) == b"PK" else _tar(file)
        for name, reason, stream in listing:
            self._members += 1
            if self._members > self._bounds.max_members:
                self._over = f"more than {self._bounds.max_members} members"
            if self._over:
                return
            if reason is not None or stream is None:
                yield _Found(inside + name, reason=reason or Reason.NOT_A_FILE)
                continue
            each = self._read(inside + name, stream)
            if each is None:
                return
            if each.reason is None and name.lower().endswith(self._suffixes):
                inner = io.BytesIO(each.data)
                if _is_archive(inner):
                    yield from self._inner(inner, each.name, depth)
                    continue
            yield each

    def _inner(self, file: IO[bytes], name: str, depth: int) -> Iterator[_Found]:
        if depth >= self._bounds.max_depth:
            detail = f"an archive in {depth} others; {self._bounds.max_depth} are gone into"
            yield _Found(name, reason=Reason.TOO_LARGE, detail=detail)
            return
        yield from self.members(file, name + "#", depth + 1)

    def _read(self, name: str, stream: IO[bytes]) -> _Found | None:
        """A member's bytes, as many as come; None where that is over the limits."""
        pieces, size = [], 0
        try:
            while piece := stream.read(PIECE_BYTES):
                size += len(piece)
                self._bytes += len(piece)
                if self._bytes > self._most:
                    self._over = f"more than {self._most} bytes in it, which is over the limits"
                    return None
                if size <= self._bounds.max_member_bytes:
                    pieces.append(piece)
        except DAMAGE as error:
            return _Found(name, reason=Reason.CORRUPT, detail=f"in its archive: {error}"[:200])
        except (RuntimeError, NotImplementedError) as error:  # a password, an unknown method
            wants_key = "password" in str(error) or "encrypted" in str(error)
            reason = Reason.ENCRYPTED if wants_key else Reason.UNSUPPORTED_TYPE
            return _Found(name, reason=reason, detail=f"in its archive: {error}"[:200])
        if size > self._bounds.max_member_bytes:
            limit = self._bounds.max_member_bytes
            return _Found(name, reason=Reason.TOO_LARGE, detail=f"{size} bytes, of {limit}")
        return _Found(name, b"".join(pieces))

    def _most_bytes(self, size: int) -> int:
        """How many bytes may come out of an archive of this size."""
        bounds = self._bounds
        by_ratio = max(int(size * bounds.max_ratio), bounds.ratio_from_bytes)
        return min(bounds.max_total_bytes, by_ratio)


_Listing = Iterator[tuple[str, Reason | None, IO[bytes] | None]]


def _zip(file: IO[bytes]) -> _Listing:
    """A zip's files, in the order of its directory."""
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield info.filename, Reason.ENCRYPTED, None
                continue
            try:
                with archive.open(info) as stream:
                    yield info.filename, None, stream
            except (*DAMAGE, NotImplementedError):
                yield info.filename, Reason.CORRUPT, None


def _tar(file: IO[bytes]) -> _Listing:
    """A tar's files, as they come; folders are passed over, links and devices are no files."""
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for info in archive:
            if info.isdir():
                continue
            if not info.isreg():
                yield info.name, Reason.NOT_A_FILE, None
                continue
            yield info.name, None, archive.extractfile(info)
            archive.members = []  # type: ignore[attr-defined]  # tarfile keeps them all


def _cut_short(error: Exception) -> bool:
    said = str(error).lower()
    return isinstance(error, EOFError) or "unexpected end" in said or "end-of-stream" in said
