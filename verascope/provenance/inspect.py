"""The raw manifest store of a file, with its resources, beside what verify makes of it.

Runs inside an isolated worker, as verify does.
"""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from verascope.provenance.answer import LIBRARY_TYPES
from verascope.provenance.history import cut
from verascope.provenance.library import load
from verascope.provenance.trust import contexts
from verascope.provenance.verify import verify
from verascope.result import Outcome, Provenance

MAX_RESOURCES = 100
MAX_RESOURCE_BYTES = 4 << 20
MAX_ALL_BYTES = 32 << 20
# What a resource may be shown as: its own bytes decide, never what the manifest calls it.
PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp"}
NO_REPORT = frozenset({Outcome.NONE, Outcome.REMOTE_ONLY, Outcome.UNSUPPORTED, Outcome.UNREADABLE})


class Resource(Struct, frozen=True):
    """A thumbnail or the like; `media_type` is null unless the bytes are a known picture."""

    uri: str
    media_type: str | None
    data: bytes


class Inspection(Struct, frozen=True, kw_only=True):
    """All that is in a credential. `store_json` is the library's detailed report.

    Where there is a credential and no report on it, `no_report` says why.
    """

    provenance: Provenance
    store_json: str | None = None
    no_report: str | None = None
    store: bytes | None = None
    resources: tuple[Resource, ...] = ()


def inspect(stream: BinaryIO, media_type: str, trust: tuple[str, ...]) -> Inspection:
    """Everything in a file's credential; only the Provenance where there is no report on one.

    Args:
        stream: the file, seekable.
        media_type: what its bytes are.
        trust: names of trust lists.

    Raises:
        UsageError: a trust list does not exist or cannot be read.
    """
    provenance = verify(stream, media_type, trust)
    if provenance.outcome in NO_REPORT:
        return Inspection(provenance=provenance)
    c2pa = load()
    try:
        with _reader(stream, media_type, trust) as reader:
            return _all(reader, provenance)
    except c2pa.C2paError as error:  # a store that is too broken for a report
        return Inspection(provenance=provenance, no_report=cut(str(error)))


def manifest_store(stream: BinaryIO, media_type: str) -> bytes | None:
    """The whole manifest store as it stands in a file; None if there is none to be read."""
    c2pa = load()
    try:
        with _reader(stream, media_type, ("none",)) as reader:
            return _store(reader, msgspec.json.decode(reader.json())["active_manifest"])
    except (c2pa.C2paError, KeyError):
        return None


def _reader(stream: BinaryIO, media_type: str, trust: tuple[str, ...]) -> Any:
    stream.seek(0)
    known = contexts(trust).everything
    return load().Reader(LIBRARY_TYPES.get(media_type, media_type), stream, None, known)


def _all(reader: Any, provenance: Provenance) -> Inspection:
    label = provenance.history.label if provenance.history else None
    return Inspection(
        provenance=provenance,
        store_json=reader.detailed_json(),
        store=_store(reader, label),
        resources=tuple(_resources(reader)),
    )


def _store(reader: Any, label: str | None) -> bytes | None:
    """Asked for one box of it, the library writes the whole store."""
    return _resource(reader, f"self#jumbf=/c2pa/{label}/c2pa.signature", MAX_ALL_BYTES)


def _resources(reader: Any) -> Iterator[Resource]:
    """Every thumbnail that the manifests and their ingredients name, within limits."""
    left = MAX_ALL_BYTES
    for uri in list(dict.fromkeys(_uris(msgspec.json.decode(reader.json()))))[:MAX_RESOURCES]:
        data = _resource(reader, uri, min(left, MAX_RESOURCE_BYTES))
        if data is not None:
            left -= len(data)
            yield Resource(uri, picture_type(data), data)


def _uris(report: dict[str, Any]) -> Iterator[str]:
    for manifest in report.get("manifests", {}).values():
        for owner in (manifest, *manifest.get("ingredients", ())):
            uri = (owner.get("thumbnail") or {}).get("identifier")
            if isinstance(uri, str):
                yield uri


def _resource(reader: Any, uri: str, max_bytes: int) -> bytes | None:
    """A resource's bytes; None if it is missing or too big to show."""
    buffer = io.BytesIO()
    try:
        reader.resource_to_stream(uri, buffer)
    except load().C2paError:
        return None
    data = buffer.getvalue()
    return data if 0 < len(data) <= max_bytes else None


def picture_type(data: bytes) -> str | None:
    """Which picture these bytes begin as."""
    return next((name for magic, name in PICTURES.items() if data.startswith(magic)), None)
