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
from typing import BinaryIO, NamedTuple

import msgspec

from verascope.detect import registry
from verascope.detect.contract import Array, Detector, Windows
from verascope.errors import InputTrouble
from verascope.exchange import Reading, ReadRequest, Stage
from verascope.media.header import MIN_PART_SIDE
from verascope.media.image import Header, Picture, decode, read_header
from verascope.media.source import open_regular
from verascope.media.types import MediaType, judgeable, sniff
from verascope.provenance.fingerprint import KINDS, fingerprint
from verascope.provenance.marks import marks
from verascope.provenance.verify import verify
from verascope.result import Modality, Reason, Warn

HASH_CHUNK_BYTES = 1 << 20
HASH_SIGN_BYTES = 64 << 20  # how much is hashed within one deadline
DECODED = frozenset({Modality.IMAGE})  # what media/ can decode so far


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
    opened = _open(ask, data)
    if len(data) > HASH_SIGN_BYTES:  # type and size are known even if the rest takes too long
        yield opened.reading, ()
    for sha256 in _hash(file):
        opened = opened._replace(reading=msgspec.structs.replace(opened.reading, sha256=sha256))
        yield opened.reading, ()  # a sign of life: big files take long
    reading, windows = _cut(ask, data, opened)
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
    """What the first stage found out, for the second to go on with."""

    reading: Reading
    media_type: MediaType
    header: Header | None = None
    detectors: Mapping[str, Detector] = {}


def _open(ask: ReadRequest, data: mmap.mmap) -> _Opened:
    """The first stage: type and header; nothing is decoded."""
    start = time.perf_counter()
    media_type = sniff(data)
    reading = Reading(
        stage=Stage.OPENED,
        bytes=len(data),
        media_type=media_type.name,
        modality=media_type.modality,
    )
    opened = _Opened(reading, media_type)
    if ask.detectors or ask.fingerprint:
        opened = _look(ask, data, opened)
    return opened._replace(reading=_timed(opened.reading, "open", start))


def _look(ask: ReadRequest, data: mmap.mmap, opened: _Opened) -> _Opened:
    """Whether it can be judged, by its type and its header, and by which detectors."""
    name = os.fsdecode(os.path.basename(ask.path))
    covered = {entry.modality for entry in ask.detectors.values()}
    covered |= KINDS.keys() if ask.fingerprint else set()
    reading = opened.reading
    try:
        media_type, warnings = judgeable(data, name, DECODED & covered)
        header = read_header(data, media_type, ask.limits)
        reading = msgspec.structs.replace(
            reading,
            width=header.width,
            height=header.height,
            warnings=(*warnings, *header.warnings),
        )
        side = min(header.width, header.height)
        if not header.complete and side < MIN_PART_SIDE:
            raise InputTrouble(Reason.TRUNCATED, "and what is left of it is too little to judge")
        detectors = _able(ask, media_type, side) if ask.detectors else {}
    except InputTrouble as trouble:
        return opened._replace(reading=_stopped(reading, trouble))
    return _Opened(reading, media_type, header, detectors)


def _able(ask: ReadRequest, media_type: MediaType, side: int) -> dict[str, Detector]:
    """The wanted detectors that can judge a picture of this shorter side, in pixels."""
    wanted = {
        name: registry.build(name, entry)
        for name, entry in ask.detectors.items()
        if entry.modality is media_type.modality
    }
    if not wanted:
        raise InputTrouble(Reason.UNSUPPORTED_TYPE, f"no detector for {media_type.name}")
    able = {name: each for name, each in wanted.items() if side >= each.min_side}
    if not able:
        least = min(detector.min_side for detector in wanted.values())
        detail = f"the shorter side has {side} pixels, {least} are needed"
        raise InputTrouble(Reason.TOO_LITTLE_CONTENT, detail)
    return able


def _cut(ask: ReadRequest, data: mmap.mmap, opened: _Opened) -> tuple[Reading, list[Windows]]:
    """The second stage: decode, and let each detector cut its windows."""
    reading = msgspec.structs.replace(opened.reading, stage=Stage.CUT)
    if opened.header is None or not (opened.detectors or ask.fingerprint):
        return reading, []
    start = time.perf_counter()
    try:
        picture = decode(data, opened.media_type, opened.header, ask.limits)
    except InputTrouble as trouble:
        return _stopped(reading, trouble), []
    reading = _timed(_decoded(reading, picture), "decode", start)
    if ask.fingerprint:
        reading = _fingerprinted(reading, picture)
    if ask.watermarks:
        reading = _watermarked(reading, picture)
    start = time.perf_counter()
    windows = [detector.windows(picture.pixels) for detector in opened.detectors.values()]
    warnings = reading.warnings
    if any(_padded(each) for each in windows):
        warnings = (*warnings, Warn.SMALLER_THAN_CROP)
    reading = msgspec.structs.replace(reading, windowed=tuple(opened.detectors), warnings=warnings)
    return _timed(reading, "windows", start), windows


def _decoded(reading: Reading, picture: Picture) -> Reading:
    warnings = (*reading.warnings, *picture.warnings)
    reading = msgspec.structs.replace(reading, warnings=tuple(dict.fromkeys(warnings)))
    if not picture.truncated:
        return reading
    height, width = picture.pixels.shape[:2]
    detail = f"the file breaks off; {width} × {height} pixels of it could be decoded"
    return msgspec.structs.replace(reading, reason=Reason.TRUNCATED, detail=detail)


def _fingerprinted(reading: Reading, picture: Picture) -> Reading:
    """With the fingerprint of the whole picture, for the registry."""
    start = time.perf_counter()
    found = fingerprint(picture.pixels, Modality.IMAGE)
    return _timed(msgspec.structs.replace(reading, fingerprint=found), "fingerprint", start)


def _watermarked(reading: Reading, picture: Picture) -> Reading:
    """With the invisible watermarks whose words are known."""
    from verascope.provenance.watermark import watermarks

    start = time.perf_counter()
    found = msgspec.structs.replace(reading, marks=watermarks(picture.pixels))
    return _timed(found, "watermarks", start)


def _padded(windows: Windows) -> bool:
    """Whether a window reaches over the picture's edge."""
    height, width = windows.values.shape[1:3]
    return bool((windows.places[:, 2] < width).any() or (windows.places[:, 3] < height).any())


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
