"""Inside the worker: where a table's rows are, and a span of them to one Reading each."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec
import numpy as np

from verascope.detect import registry
from verascope.detect.contract import Array, Detector, Windows
from verascope.errors import InputTrouble
from verascope.exchange import Reading, RowReading, RowsRequest, Stage, TableReading
from verascope.media import rows
from verascope.media.rows import Row
from verascope.media.source import open_regular
from verascope.media.table import Span
from verascope.modality.text import Text
from verascope.provenance.text_marks import text_marks
from verascope.result import Modality, Reason

SPANS_A_MESSAGE = 512
MEDIA_TYPE = "text/plain"


def index(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """The columns and the spans of a table, some a message.

    Args:
        request: a RowsRequest as MessagePack; its span is not looked at.
    """
    ask = msgspec.msgpack.decode(request, type=RowsRequest)
    encode = msgspec.msgpack.encode
    try:
        with _opened(ask) as file:
            names = rows.names_of(file, ask.kind)
            found: list[Span] = []
            for span in rows.spans(file, ask.kind):
                found.append(span)
                if len(found) == SPANS_A_MESSAGE:
                    yield encode(TableReading(names=names, spans=tuple(found))), ()
                    found = []
            yield encode(TableReading(names=names, spans=tuple(found))), ()
    except InputTrouble as trouble:
        yield encode(TableReading(reason=trouble.reason, detail=trouble.detail)), ()


def read(request: bytes) -> Iterator[tuple[bytes, Sequence[Array]]]:
    """A span's rows as one message: a RowReading each, and each detector's windows together."""
    ask = msgspec.msgpack.decode(request, type=RowsRequest)
    wanted = {
        name: registry.build(name, entry)
        for name, entry in ask.read.detectors.items()
        if entry.modality is Modality.TEXT
    }
    try:
        with _opened(ask) as file:
            file.seek(ask.span.start)
            data = file.read(ask.span.end - ask.span.start)
    except InputTrouble as trouble:
        stopped = Reading(stage=Stage.DONE, reason=trouble.reason, detail=trouble.detail)
        yield msgspec.msgpack.encode([RowReading(reading=stopped)] * ask.span.rows), ()
        return
    readings, cuts = [], []
    for row in rows.rows(data, ask.kind, ask.columns):
        reading, windows = _read(row, wanted, ask)
        counts = tuple(len(each.values) for each in windows)
        readings.append(RowReading(reading=reading, author=row.author, counts=counts))
        cuts += [windows] if windows else []
    yield msgspec.msgpack.encode(readings), _together(cuts)


def _opened(ask: RowsRequest) -> BinaryIO:
    """The table; its size is not limited, since no more than a span is ever held."""
    limits = msgspec.structs.replace(ask.read.limits, max_bytes=1 << 62)
    return open_regular(ask.read.path, ask.read.follow_links, limits)


def _read(row: Row, wanted: dict[str, Detector], ask: RowsRequest) -> tuple[Reading, list[Windows]]:
    """One row's Reading and each detector's windows; none where it is not to be judged."""
    start = time.perf_counter()
    data = row.text.encode()
    reading = Reading(
        stage=Stage.DONE,
        sha256=hashlib.sha256(data).hexdigest() if row.text else None,
        bytes=len(data),
        media_type=MEDIA_TYPE,
        modality=Modality.TEXT,
    )
    windows: list[Windows] = []
    try:
        if row.reason is not None:
            raise InputTrouble(row.reason, row.detail)
        if not row.text:
            raise InputTrouble(Reason.EMPTY)
        how = Text()
        decoded = how.medium(row.text, ask.read.key)
        reading = msgspec.structs.replace(reading, **decoded.facts)
        if not row.text.isascii():
            marks = (*reading.marks, *text_marks(data))
            reading = msgspec.structs.replace(reading, marks=marks)
        how.check(decoded.medium)
        windows = [how.cut(detector, decoded.medium) for detector in wanted.values()]
    except InputTrouble as trouble:
        reading = msgspec.structs.replace(
            reading, reason=trouble.reason, detail=trouble.detail or None
        )
    timing = {"windows": round(1000 * (time.perf_counter() - start), 3)}
    windowed = tuple(wanted) if windows else ()
    return msgspec.structs.replace(reading, windowed=windowed, timing=timing), windows


def _together(cuts: Sequence[Sequence[Windows]]) -> list[Array]:
    """The windows of many rows, detector by detector: values, places."""
    arrays: list[Array] = []
    for windows in zip(*cuts, strict=True):
        arrays += [
            np.concatenate([each.values for each in windows]),
            np.concatenate([each.places for each in windows]),
        ]
    return arrays
