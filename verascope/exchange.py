"""What the parent and a worker tell each other of one input.

Apart from reading.py, so that the parent imports nothing of what opens files.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from verascope.detect.registry import Entry
from verascope.media.table import Columns, Span
from verascope.provenance.fingerprint import Fingerprint
from verascope.provenance.mark import Mark
from verascope.provenance.watermark_key import WatermarkKey
from verascope.result import Modality, Provenance, Reason
from verascope.settings import Limits, TextInput

FUNCTION = "verascope.reading:read"
ROWS_FUNCTION = "verascope.rows:read"
INDEX_FUNCTION = "verascope.rows:index"

Blob: TypeAlias = bytes  # a field of Reading is called bytes


class Stage(StrEnum):
    """How far the reading of an input has come."""

    OPENED = "opened"  # hash, type, size: nothing was decoded
    CUT = "cut"  # decoded, windows cut
    DONE = "done"  # provenance checked


class ReadRequest(Struct, frozen=True, kw_only=True):
    """What the parent asks of the worker for one input.

    `path` is in the file system's bytes; a symbolic link is judged as its target only with
    `follow_links`. Of the `detectors`, those of the input's modality cut their windows; with none
    at all and no `fingerprint` wanted, nothing is decoded. With `store`, the manifest store comes
    back as well; a `sidecar` is a store to check instead of the file's own. A `key` is one of a
    watermark of text.
    """

    path: bytes
    follow_links: bool
    detectors: dict[str, Entry]
    provenance: bool
    trust: tuple[str, ...]
    limits: Limits
    text: TextInput = TextInput()
    fingerprint: bool = False
    watermarks: bool = False
    key: WatermarkKey | None = None
    store: bool = False
    sidecar: bytes | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """What the worker found so far; sizes are of the upright picture, the duration of all sound.

    `windowed` names the detectors whose windows came with the message of stage `cut`: two arrays
    for each, values and places. With windows, `reason` says what cut the input short.
    """

    stage: Stage
    sha256: str | None = None
    bytes: int | None = None
    media_type: str | None = None
    modality: Modality | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    characters: int | None = None
    language: str | None = None
    warnings: tuple[str, ...] = ()
    reason: Reason | None = None
    detail: str | None = None
    windowed: tuple[str, ...] = ()
    fingerprint: Fingerprint | None = None
    manifest_store: Blob | None = None
    provenance: Provenance | None = None
    marks: tuple[Mark, ...] = ()
    timing: dict[str, float] = {}


class RowsRequest(Struct, frozen=True, kw_only=True):
    """What the parent asks of the worker for some rows of a table, or for where they are.

    `read` names the table and the detectors, as for one input.
    """

    read: ReadRequest
    kind: str
    columns: Columns = Columns()
    span: Span = Span(0, 0, 1, 0)


class TableReading(Struct, frozen=True, kw_only=True):
    """The columns of a table, if it names any, and some of its spans; or why it has none."""

    names: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    reason: Reason | None = None
    detail: str = ""


class RowReading(Struct, frozen=True, kw_only=True):
    """One row: what was found, whose it is, and how many windows of each detector are its."""

    reading: Reading
    author: str | None = None
    counts: tuple[int, ...] = ()
