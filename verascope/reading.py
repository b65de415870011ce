"""Inside the worker: one input's bytes to one Reading: facts, windows, provenance.

It answers after each stage, so that what was found before a stage hung or crashed is not lost.
Imports no inference library: models run in the parent, which never sees the file.
"""

import errno
import hashlib
import mmap
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import msgspec

from verascope.detect import registry
from verascope.detect.contract import Array, Detector, Windows
from verascope.errors import InputTrouble
from verascope.exchange import Reading, ReadRequest, Stage
from verascope.media.source import open_regular
from verascope.media.types import MediaType, judgeable, sniff
from verascope.modality.base import DECODED, Decoded, Method, Source, method
from verascope.provenance.fingerprint import KINDS
from verascope.provenance.marks import marks
from verascope.provenance.verify import verify
from verascope.result import Reason

HASH_CHUNK_BYTES = 1 << 20
HASH_SIGN_BYTES = 64 << 20  # how much is hashed within one deadline


def read(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """Read one input; yields the Reading so far after each stage, with the windows cut in it.

    Args:
        request: a ReadRequest as MessagePack.
    """
    ask = msgspec.msgpack.decode(request, type=ReadRequest)
    encode = msgspec.msgpack.encode
    try:
        file = open_regular(ask.path, ask.follow_links, ask.limits)
    except InputTrouble as trouble:
        yield encode(_stopped(Reading(stage=Stage.DONE), trouble)), ()
        return
    with file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            yield encode(_stopped(Reading(stage=Stage.DONE), _not_mapped(error))), ()
            return
        with data:
            yield from ((encode(reading), arrays) for reading, arrays in _stages(ask, file, data))


def _stages(
    ask: ReadRequest, file: BinaryIO, data: mmap.mmap
) -> Iterator[tuple[Reading, Sequence[Array]]]:
    """The stages of an opened file; ends early when somebody writes to it meanwhile."""
    before = _state(file)
    opened = _open(ask, file, data)
    if len(data) > HASH_SIGN_BYTES:  # type and size are known even if the rest takes too long
        yield opened.reading, ()
    for sha256 in _hash(file):
        opened = opened._replace(reading=msgspec.structs.replace(opened.reading, sha256=sha256))
        yield opened.reading, ()  # a sign of life: big files take long
    reading, windows = _cut(ask, opened)
    if _state(file) != before:
        yield _changed(reading), ()
        return
    yield reading, [array for each in windows for array in (each.values, each.places)]
    if ask.provenance:
        reading = _check(ask, file, data, reading)
        yield (reading if _state(file) == before else _changed(reading)), ()


def _not_mapped(error: OSError) -> InputTrouble:
    reason = Reason.MEMORY_LIMIT if error.errno == errno.ENOMEM else Reason.NOT_A_FILE
    return InputTrouble(reason, f"it cannot be mapped: {error.strerror}")


def _state(file: BinaryIO) -> tuple[int, int, int]:
    """What differs once somebody writes to a file: size and times of change."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed(reading: Reading) -> Reading:
    """Nothing said of a file holds, if it became another one meanwhile."""
    trouble = InputTrouble(Reason.CORRUPT, "it was changed while it was read; try again")
    return _stopped(
        Reading(
            stage=Stage.DONE,
            bytes=reading.bytes,
            media_type=reading.media_type,
            modality=reading.modality,
            timing=reading.timing,
        ),
        trouble,
    )


def _hash(file: BinaryIO) -> Iterator[str | None]:
    """The file's sha256 at the end; None after each piece of a big file before it."""
    digest, since = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(HASH_CHUNK_BYTES):
        digest.update(piece)
        since += len(piece)
        if since >= HASH_SIGN_BYTES:
            since = 0
            yield None
    yield digest.hexdigest()


class _Opened(NamedTuple):
    """What the first stage found out, for the second to go on with; `method` once it is to be."""

    reading: Reading
    source: Source
    method: Method | None = None
    header: Any = None
    detectors: Mapping[str, Detector] = {}


def _open(ask: ReadRequest, file: BinaryIO, data: mmap.mmap) -> _Opened:
    """The first stage: type and header; nothing is decoded."""
    start = time.perf_counter()
    media_type = sniff(data)
    reading = Reading(
        stage=Stage.OPENED,
        bytes=len(data),
        media_type=media_type.name,
        modality=media_type.modality,
    )
    opened = _Opened(reading, Source(file, data, media_type, ask.limits, ask.text, ask.key))
    if ask.detectors or ask.fingerprint:
        opened = _look(ask, opened)
    return opened._replace(reading=_timed(opened.reading, "open", start))


def _look(ask: ReadRequest, opened: _Opened) -> _Opened:
    """Whether it can be judged, by its type and its header, and by which detectors."""
    name = os.fsdecode(os.path.basename(ask.path))
    covered = {entry.modality for entry in ask.detectors.values()}
    covered |= KINDS.keys() if ask.fingerprint else set()
    reading, source = opened.reading, opened.source
    try:
        media_type, warnings = judgeable(source.data, name, DECODED & covered, source.text)
        assert media_type.modality is not None  # it is one of those covered
        source = source._replace(media_type=media_type)
        how = method(media_type.modality)
        look = how.look(source)
        reading = msgspec.structs.replace(
            reading, warnings=(*warnings, *look.warnings), **look.facts
        )
        if look.trouble is not None:
            raise look.trouble
        detectors = _able(ask, how, media_type, look.size) if ask.detectors else {}
    except InputTrouble as trouble:
        return opened._replace(reading=_stopped(reading, trouble))
    return _Opened(reading, source, how, look.header, detectors)


def _able(
    ask: ReadRequest, how: Method, media_type: MediaType, size: int | None
) -> dict[str, Detector]:
    """The wanted detectors that can judge a medium of this size."""
    wanted = {
        name: registry.build(name, entry)
        for name, entry in ask.detectors.items()
        if entry.modality is media_type.modality
    }
    if not wanted:
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"no detector for {media_type.name}")
    able = {name: each for name, each in wanted.items() if size is None or size >= each.min_side}
    if not able:
        assert size is not None
        raise how.too_small(size, min(detector.min_side for detector in wanted.values()))
    return able


def _cut(ask: ReadRequest, opened: _Opened) -> tuple[Reading, list[Windows]]:
    """The second stage: decode, and let each detector cut its windows."""
    reading, how = msgspec.structs.replace(opened.reading, stage=Stage.CUT), opened.method
    if how is None or not (opened.detectors or ask.fingerprint):
        return reading, []
    start = time.perf_counter()
    try:
        decoded = how.decode(opened.source, opened.header)
    except InputTrouble as trouble:
        return _stopped(reading, trouble), []
    reading = _timed(_decoded(reading, decoded), "decode", start)
    if ask.fingerprint:
        reading = _fingerprinted(reading, how, decoded)
    if ask.watermarks:
        reading = _watermarked(reading, how, decoded)
    start = time.perf_counter()
    try:
        windows = _windows(how, opened.detectors, decoded)
    except InputTrouble as trouble:
        return _stopped(reading, trouble), []
    reading = msgspec.structs.replace(
        reading,
        windowed=tuple(opened.detectors),
        warnings=(*reading.warnings, *how.remarks(windows)),
    )
    return _timed(reading, "windows", start), windows


def _windows(how: Method, detectors: Mapping[str, Detector], decoded: Decoded) -> list[Windows]:
    if detectors:
        how.check(decoded.medium)
    return [how.cut(detector, decoded.medium) for detector in detectors.values()]


def _decoded(reading: Reading, decoded: Decoded) -> Reading:
    warnings = tuple(dict.fromkeys((*reading.warnings, *decoded.warnings)))
    reading = msgspec.structs.replace(reading, warnings=warnings, **decoded.facts)
    if decoded.broken_off is None:
        return reading
    detail = f"the file breaks off; {decoded.broken_off} could be decoded"
    return msgspec.structs.replace(reading, reason=Reason.TRUNCATED, detail=detail)


def _fingerprinted(reading: Reading, how: Method, decoded: Decoded) -> Reading:
    """With the fingerprint of the whole medium, for the registry."""
    start = time.perf_counter()
    found = how.fingerprint(decoded.medium)
    return _timed(msgspec.structs.replace(reading, fingerprint=found), "fingerprint", start)


def _watermarked(reading: Reading, how: Method, decoded: Decoded) -> Reading:
    """With the invisible watermarks whose words are known."""
    start = time.perf_counter()
    found = msgspec.structs.replace(
        reading, marks=(*reading.marks, *how.watermarks(decoded.medium))
    )
    return _timed(found, "watermarks", start)


def _check(ask: ReadRequest, file: BinaryIO, data: mmap.mmap, reading: Reading) -> Reading:
    """The third stage: the Content Credential, and declarations without a signature."""
    start = time.perf_counter()
    media_type = reading.media_type or ""
    found = (*reading.marks, *marks(data, media_type))
    provenance = verify(file, media_type, ask.trust, sidecar=ask.sidecar)
    done = msgspec.structs.replace(reading, stage=Stage.DONE, provenance=provenance, marks=found)
    if ask.store:
        from verascope.provenance.inspect import manifest_store

        store = manifest_store(file, media_type) if ask.sidecar is None else ask.sidecar
        done = msgspec.structs.replace(done, manifest_store=store)
    return _timed(done, "provenance", start)


def _stopped(reading: Reading, trouble: InputTrouble) -> Reading:
    detail = trouble.detail or None
    return msgspec.structs.replace(reading, reason=trouble.reason, detail=detail)


def _timed(reading: Reading, stage: str, start: float) -> Reading:
    """Add a stage's time, in milliseconds."""
    timing = {**reading.timing, stage: round(1000 * (time.perf_counter() - start), 3)}
    return msgspec.structs.replace(reading, timing=timing)
