"""An archive as its members: zip and tar, unpacked in a worker and never onto the disk.

A member is named `archive.zip#inner/path`. The worker (unpack.py) hands each member's bytes over;
they are read by the same workers as files are. Limits in the manner of ClamAV's hold for depth,
number, size and ratio; what is over them is said in a Result of the archive's own.
"""

import io
import os
from collections.abc import Iterator
from contextlib import nullcontext
from urllib.parse import quote

import msgspec

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.result import Reason
from verascope.scan.choice import Choice
from verascope.scan.parts import FUNCTION, ArchiveLimits, Part, UnpackRequest
from verascope.scan.sources import File, Refused, Source, Stream
from verascope.settings import Limits

__all__ = ["ArchiveLimits", "is_archive", "members"]

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_archive(name: str) -> bool:
    """Whether a file is to be looked into, by its name; that it is one, its bytes must say."""
    return name.lower().endswith(SUFFIXES)


def members(
    archive: File, bounds: ArchiveLimits, limits: Limits, choice: Choice, stamp: str | None
) -> Iterator[Source]:
    """The files in an archive, in their order there; the archive itself where it is none.

    Each has the archive's stamp. What stops it (damage, a limit, a password) becomes a source of
    its own, named as the archive.
    """
    request = UnpackRequest(
        path=os.fsencode(archive.path),
        follow_links=archive.follow_links,
        limits=limits,
        bounds=bounds,
        suffixes=SUFFIXES,
    )
    found = False
    for part, data in _parts(request, limits):
        if part.not_an_archive:
            yield archive
            return
        found = True
        if not part.name or choice.wants(os.fsdecode(part.name)):
            yield _source(archive, part, data, stamp)
    if not found:
        yield Refused(archive.uri, Reason.EMPTY, "an archive without files")


def _parts(request: UnpackRequest, limits: Limits) -> Iterator[tuple[Part, bytes]]:
    """What the worker finds, some members a call, until there are no more."""
    with Sandbox(
        FUNCTION, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.stage_timeout_s
    ) as sandbox:
        more = True
        while more:
            more = False
            try:
                for message in sandbox.call(msgspec.msgpack.encode(request)):
                    part = _decoded(message.data)
                    request = msgspec.structs.replace(request, first=part.index + 1)
                    more = part.more
                    if not part.pause:
                        yield part, message.arrays[0].tobytes() if message.arrays else b""
            except InputTrouble as trouble:
                detail = f"unpacking it was stopped: {trouble.detail}"
                yield Part(index=-1, reason=trouble.reason, detail=detail), b""
                return


def _decoded(data: bytes) -> Part:
    try:
        return msgspec.msgpack.decode(data, type=Part)
    except (msgspec.DecodeError, ValueError) as error:
        raise InputTrouble(Reason.WORKER_CRASHED, f"the worker sent no part: {error}") from error


def _source(archive: File, part: Part, data: bytes, stamp: str | None) -> Source:
    told = _readable(part.name) or None
    uri = f"{archive.uri}#{told}" if told else archive.uri
    if part.reason is not None:
        return Refused(uri, part.reason, part.detail, part=told)
    return Stream(uri, lambda: nullcontext(io.BytesIO(data)), part=told, stamped=stamp)


def _readable(name: bytes) -> str:
    """A member's name as Unicode; where it is none, percent-encoded, so that no byte is lost."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return quote(name)
