"""Inside the worker of `verascope inspect`: one file's bytes to an Inspection."""

import mmap
import os
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.source import open_regular
from verascope.media.types import sniff
from verascope.media.wire import Array
from verascope.provenance.inspect import Inspection, inspect
from verascope.result import Input, Reason
from verascope.settings import Limits

FUNCTION = "verascope.cli.inspect_worker:answer"


class Ask(Struct, frozen=True):
    """One file to inspect; the path is in the file system's bytes."""

    path: bytes
    uri: str
    trust: tuple[str, ...]
    limits: Limits


class Answer(Struct, frozen=True, kw_only=True):
    """What was found, or the reason why nothing was."""

    input: Input
    inspection: Inspection | None = None
    reason: Reason | None = None
    detail: str | None = None


def answer(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """Open the file under its limits and inspect it; one message."""
    ask = msgspec.msgpack.decode(request, type=Ask)
    yield msgspec.msgpack.encode(_answer(ask)), ()


def _answer(ask: Ask) -> Answer:
    source = Input(uri=ask.uri)
    try:
        file = open_regular(ask.path, True, ask.limits)
    except InputTrouble as trouble:
        return Answer(input=source, reason=trouble.reason, detail=trouble.detail)
    with file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        import hashlib

        media_type = sniff(data)
        source = Input(
            uri=ask.uri,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=os.fstat(file.fileno()).st_size,
            media_type=media_type.name,
            modality=media_type.modality,
        )
        return Answer(input=source, inspection=inspect(file, media_type.name, ask.trust))
