"""A corpus's manifest: one row a file, as CSV; written by `generate`, read by `train`."""

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

MANIFEST = "manifest.csv"
EDITED_KINDS = frozenset({"superres", "stylised-photo"})  # real pictures that were only edited


class Row(Struct, frozen=True, kw_only=True):
    """One media file of a corpus.

    `path` is relative to the corpus's folder; `label` is real, synthetic or edited; `pair` names
    a group of files with the same content, which always lies in one split; `origin` says where the
    content came from; `config_sha256` is the hash of the generator's frozen config; `mask` is a
    picture of what was made, white on black, where that is only a part; `spans` are the seconds of
    a recording that were made, `start-end` joined by `;`, where that is only a part.
    """

    path: str
    label: str
    source: str
    generator: str = ""
    family: str = ""
    split: str = "train"
    pair: str = ""
    kind: str = ""
    sha256: str = ""
    bytes: int = 0
    origin: str = ""
    licence: str = ""
    seed: str = ""
    config_sha256: str = ""
    mask: str = ""
    spans: str = ""


def label_of(kind: str) -> str:
    """The label of a made picture: edited or synthetic."""
    return "edited" if kind in EDITED_KINDS else "synthetic"


def spans_text(spans: Iterable[tuple[float, float]]) -> str:
    """Spans in seconds as a row has them."""
    return ";".join(f"{start:.3f}-{end:.3f}" for start, end in spans)


def read_spans(text: str) -> tuple[tuple[float, float], ...]:
    """The spans of a row, in seconds."""
    pairs = (span.split("-") for span in text.split(";") if span)
    return tuple((float(start), float(end)) for start, end in pairs)


def read(file: Path) -> Iterator[Row]:
    """The rows of a manifest; unknown columns are ignored, missing ones keep their default."""
    with file.open(newline="", encoding="utf-8") as lines:
        for record in csv.DictReader(lines):
            yield msgspec.convert(record, Row, strict=False)


def write(file: Path, rows: Iterable[Row]) -> str:
    """Write a manifest atomically; returns its sha256 (hex)."""
    part = file.with_suffix(".csv.part")
    with part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, Row.__struct_fields__, lineterminator="\n")
        writer.writeheader()
        writer.writerows(msgspec.structs.asdict(row) for row in rows)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
    return hashlib.sha256(file.read_bytes()).hexdigest()
