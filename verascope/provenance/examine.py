"""Inside the worker of signing: whether a file may be signed, and its past, packed for the signer.

Neither key nor certificates come here. The file is opened, verified and decoded here, under the
worker's deadline; the parent gets what verifying said and the file as an ingredient, packed.
"""

import io
import json
import mmap
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.source import open_regular
from verascope.media.types import DECODED, MediaType
from verascope.media.wire import Array
from verascope.provenance.library import load
from verascope.provenance.prefilter import PNG_SIGNATURE, is_damaged
from verascope.provenance.trust import contexts
from verascope.provenance.verify import verify
from verascope.result import Modality, Outcome, Provenance, Reason, Warn
from verascope.settings import Limits

FUNCTION = "verascope.provenance.examine:answer"
PARENT = "parent"
# What the signing process has to read again of a credential is bounded here: the library takes a
# second for some thousand assertions.
MAX_INGREDIENT_BYTES = 16 << 20
MAX_ASSERTIONS = 1_000
# A picture that is too big to decode, or of a kind that is not decoded here, is not called damaged.
NOT_DECODED = frozenset({Reason.TOO_LARGE, Reason.UNSUPPORTED_TYPE, Reason.MEMORY_LIMIT})


class Question(Struct, frozen=True, kw_only=True):
    """One file; its path is in the file system's bytes.

    Attributes:
        path: the file.
        media_type: what its bytes are.
        trust: lists of known signers.
        limits: for reading it.
        whole: refuse a damaged one.
        title: pack it as an ingredient under this name; None: only verify it.
        sidecar: a credential beside it, to verify instead of its own.
    """

    path: bytes
    media_type: str
    trust: tuple[str, ...]
    limits: Limits
    whole: bool = True
    title: str | None = None
    sidecar: bytes | None = None


class Examined(Struct, frozen=True, kw_only=True):
    """What was found; `damage` says in words why the file is not whole."""

    provenance: Provenance | None = None
    damage: str | None = None
    ingredient: bytes = b""
    reason: Reason | None = None
    detail: str | None = None


def answer(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """Examine one file; one message, an Examined."""
    ask = msgspec.msgpack.decode(request, type=Question)
    try:
        found = examine(ask)
    except InputTrouble as trouble:
        found = Examined(reason=trouble.reason, detail=trouble.detail)
    yield msgspec.msgpack.encode(found), ()


def examine(ask: Question) -> Examined:
    """Open, verify, decode and pack one file.

    Raises:
        InputTrouble: it cannot be opened or taken in, or its credential is over a limit.
    """
    with open_regular(ask.path, True, ask.limits) as file:
        provenance = verify(file, ask.media_type, ask.trust, sidecar=ask.sidecar)
        damage = _damage(file, ask) if ask.whole else None
        readable = provenance.outcome not in (Outcome.UNREADABLE, Outcome.UNSUPPORTED)
        if damage is not None or not readable:
            return Examined(provenance=provenance, damage=damage)
        if ask.whole and provenance.outcome is not Outcome.NONE:
            hold_limits(file, ask.media_type)
        packed = b"" if ask.title is None else pack(file, ask.media_type, ask.trust, ask.title)
    return Examined(provenance=provenance, ingredient=packed)


def _damage(file: BinaryIO, ask: Question) -> str | None:
    """What is wrong with a picture; None also for all that is not decoded here."""
    if ask.media_type not in DECODED:
        return None
    from verascope.media.image import decode, read_header

    kind = MediaType(ask.media_type, Modality.IMAGE)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if is_damaged(data):
            return "its parts do not follow each other up to the end"
        try:
            shown = decode(data, kind, read_header(data, kind, ask.limits), ask.limits)
        except InputTrouble as trouble:
            return None if trouble.reason in NOT_DECODED else str(trouble)
        if data[:8] == PNG_SIGNATURE and not _checksums_hold(data):
            return "a checksum in it does not hold"
    if shown.truncated:
        return "it breaks off"
    return "its pixels are damaged" if Warn.DAMAGED in shown.warnings else None


def _checksums_hold(data: mmap.mmap) -> bool:
    """Of the chunks that a PNG cannot do without; decoders skip those of the pixels."""
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        kind = data[position + 4 : position + 8]
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        stored = int.from_bytes(data[end : end + 4], "big")
        if kind[:1].isupper() and zlib.crc32(data[position + 4 : end]) != stored:
            return False
        if kind == b"IEND":
            return True
        position = end + 4
    return False


def hold_limits(file: BinaryIO, media_type: str) -> None:
    """Refuse a credential that would keep the signing process busy.

    Raises:
        InputTrouble: TOO_LARGE.
    """
    c2pa = load()
    file.seek(0)
    try:
        with c2pa.Reader(media_type, file, None, contexts(("none",)).everything) as reader:
            manifests = json.loads(reader.detailed_json())["manifests"]
    except c2pa.C2paError:
        return  # remote, or none that is read: then the signing process reads none either
    count = sum(len(each.get("assertion_store", ())) for each in manifests.values())
    if count > MAX_ASSERTIONS:
        detail = f"its credential holds {count} assertions, the limit is {MAX_ASSERTIONS}"
        raise InputTrouble(Reason.TOO_LARGE, detail)


def pack(file: BinaryIO, media_type: str, trust: tuple[str, ...], title: str) -> bytes:
    """A file with its credential, and what checking that gave, as the library packs it.

    Raises:
        InputTrouble: CORRUPT, the library cannot take it in; TOO_LARGE.
    """
    c2pa = load()
    record: dict[str, Any] = {"label": PARENT, "relationship": "parentOf", "title": title}
    packed = io.BytesIO()
    file.seek(0)
    try:
        with c2pa.Builder("{}", context=contexts(trust).everything) as builder:
            builder.add_ingredient(json.dumps(record), media_type, file)
            builder.write_ingredient_archive(PARENT, packed)
    except c2pa.C2paError as error:
        raise InputTrouble(Reason.CORRUPT, f"its credential cannot be taken in: {error}") from error
    data = packed.getvalue()
    if len(data) > MAX_INGREDIENT_BYTES:
        detail = f"its credential takes {len(data)} bytes, the limit is {MAX_INGREDIENT_BYTES}"
        raise InputTrouble(Reason.TOO_LARGE, detail)
    return data
