"""Corpora to items: one reader for our own corpora, plain folders and the shared research corpora.

- A folder with `manifest.csv` (`verascope generate` writes it; the shared corpora have the same
  columns), its files beside it or in tar shards (`verascope generate shards`). Kinds that only
  edit a real picture get the label `edited`, whatever the file says.
- A folder with `real/` and `synthetic/`: a folder below those names the source of its files.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from verascope.errors import UsageError
from verascope.generate.manifest import MANIFEST, Row, read
from verascope.generate.members import Place, Span, places

LABELS = ("real", "synthetic", "edited")
EDITED_KINDS = frozenset({"superres", "stylised-photo"})
# Only a part is generated, or nothing but an autoencoder's pass: reported apart, not trained on.
OUTSIDE_KINDS = frozenset({"reconstruction", "inpainted", "spliced"})
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
SPEECH = (
    "acted-speech",
    "conversational",
    "meeting",
    "narration",
    "phone",
    "prompt",
    "read-speech",
    "speech",
)
# What it is, coarsely. Photographs are mostly real and art is mostly synthetic, so batches and
# tables are balanced over it; detectors of sound are judged on speech, music and sound apart.
STYLES = {
    "photo": "photograph",
    "phone-photo": "photograph",
    "product-photo": "photograph",
    "face": "face",
    "animal-face": "face",
    "music": "music",
    "sound": "sound",
} | dict.fromkeys(SPEECH, "speech")


@dataclass(frozen=True)
class Item:
    """One file of a corpus.

    Attributes:
        file: where it is, or the shard that it lies in.
        row: its line of the manifest, with the label as we use it.
        headline: real against synthetic; False for edited and partly generated pictures.
        span: its part of the shard; None for a file of its own.
    """

    file: Path
    row: Row
    headline: bool
    span: Span | None = None

    @property
    def place(self) -> Place:
        """Where its bytes are."""
        return Place(self.file, self.span)

    @property
    def style(self) -> str:
        """Photograph or face; speech, music or sound; or other."""
        return STYLES.get(self.row.kind, "other")

    @property
    def apart(self) -> str:
        """What it is called where it is outside the headline: its kind."""
        return self.row.kind

    @property
    def repository(self) -> str:
        """What its source shares a fold with: the repository it came from, else the source."""
        head, at, _ = self.row.origin.partition("@")
        return head if at and not head.startswith("derived") else self.row.source

    @property
    def origin(self) -> str:
        """The repository or package by name, for people."""
        if self.row.origin.startswith("debian:"):  # debian:package:path
            return ":".join(self.row.origin.split(":")[:2])
        return self.repository


@dataclass(frozen=True)
class Corpus:
    """A folder of media files that was read: its name, the hash of its manifest, its items."""

    name: str
    manifest_sha256: str
    items: tuple[Item, ...]


def read_corpora(folders: Iterable[Path], split: str | None = None) -> list[Corpus]:
    """Read corpora, of one split or of all.

    Raises:
        UsageError: a folder is no corpus, or none of them has a file in that split.
    """
    corpora = read_all(folders, split)
    if not any(corpus.items for corpus in corpora):
        raise UsageError(f"no file of split {split!r} in the corpora given")
    return corpora


def read_all(folders: Iterable[Path], split: str | None) -> list[Corpus]:
    """Read corpora, of one split or of all; perhaps without any file."""
    return [_read(folder, split) for folder in folders]


def items_of(corpora: Sequence[Corpus]) -> list[Item]:
    """The items of all corpora, in a fixed order."""
    return [item for corpus in corpora for item in corpus.items]


def headline(items: Iterable[Item]) -> list[Item]:
    """Those that count for training and for the headline figures."""
    return [item for item in items if item.headline]


def _read(folder: Path, split: str | None) -> Corpus:
    """One corpus, by whichever of the two forms it has."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        rows: Iterator[Row] = read(manifest)
        digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    elif (folder / "real").is_dir() and (folder / "synthetic").is_dir():
        listed = list(_walk(folder))
        rows = iter(listed)
        digest = hashlib.sha256(b"".join(msgspec.json.encode(row) for row in listed)).hexdigest()
    else:
        raise UsageError(f"{folder} has neither a {MANIFEST} nor folders real/ and synthetic/")
    chosen = [row for row in rows if split is None or row.split == split]
    items = (_item(*found) for found in zip(places(folder, chosen), chosen, strict=True))
    return Corpus(folder.resolve().name, digest, tuple(items))


def _item(place: Place, row: Row) -> Item:
    """A manifest's row as an item, its label made ours."""
    label = "edited" if row.label != "real" and row.kind in EDITED_KINDS else row.label
    if label not in LABELS:
        raise UsageError(f"{place}: unknown label {label!r}; use one of {LABELS}")
    counts = label != "edited" and (label == "real" or row.kind not in OUTSIDE_KINDS)
    return Item(place.file, msgspec.structs.replace(row, label=label), counts, place.span)


def _walk(folder: Path) -> Iterator[Row]:
    """The rows of a folder with real/ and synthetic/, in the order of their names."""
    for label in ("real", "synthetic"):
        for file in sorted((folder / label).rglob("*")):
            if file.suffix.lower() in SUFFIXES and file.is_file():
                path = file.relative_to(folder)
                source = "/".join(path.parts[:-1])
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                yield Row(path=path.as_posix(), label=label, source=source, sha256=digest)
