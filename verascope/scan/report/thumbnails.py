"""Small pictures of inputs: made in an isolated worker, which alone opens the files."""

import base64
import io
import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.media.wire import Array
from verascope.settings import Limits

SIDE = 112  # pixels, the longer one
QUALITY, LARGE_QUALITY = 60, 88  # of the JPEG
FUNCTION = "verascope.scan.report.thumbnails:shrink"


class Wanted(Struct, frozen=True):
    """Which file, within which limits, and how large: the longer side in pixels."""

    path: bytes
    limits: Limits
    side: int = SIDE


def thumbnails(paths: Iterable[str]) -> Iterator[str | None]:
    """A data: URI for each file; None where there is none, or it cannot be decoded."""
    with _sandbox() as sandbox:
        for path in paths:
            found = _asked(sandbox, path, SIDE)
            yield f"data:image/jpeg;base64,{base64.b64encode(found).decode()}" if found else None


def picture(path: str, side: int) -> bytes | None:
    """One file as a JPEG whose longer side is at most this; None where it cannot be decoded."""
    with _sandbox() as sandbox:
        return _asked(sandbox, path, side)


def _sandbox() -> Sandbox:
    limits = Limits()
    return Sandbox(
        FUNCTION, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.stage_timeout_s
    )


def _asked(sandbox: Sandbox, path: str, side: int) -> bytes | None:
    found = None
    try:
        for message in sandbox.call(
            msgspec.msgpack.encode(Wanted(os.fsencode(path), Limits(), side))
        ):
            found = message.data
    except InputTrouble:
        return None
    return found


def shrink(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """Inside the worker: a file to a small JPEG; nothing where it is no picture."""
    import mmap

    from PIL import Image

    from verascope.media.image import decode, read_header
    from verascope.media.source import open_regular
    from verascope.media.types import judgeable
    from verascope.result import Modality

    ask = msgspec.msgpack.decode(request, type=Wanted)
    name = os.fsdecode(os.path.basename(ask.path))  # noqa: PTH119 - bytes
    try:
        with (
            open_regular(ask.path, True, ask.limits) as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            kind, _ = judgeable(data, name, frozenset({Modality.IMAGE}))
            picture = decode(data, kind, read_header(data, kind, ask.limits), ask.limits)
    except (InputTrouble, OSError):
        return
    small = Image.fromarray(picture.pixels)
    small.thumbnail((ask.side, ask.side))
    encoded = io.BytesIO()
    small.save(encoded, "JPEG", quality=QUALITY if ask.side == SIDE else LARGE_QUALITY)
    yield encoded.getvalue(), ()
