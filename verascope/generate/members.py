"""Files that lie in the tar shards of a packed corpus: found by their headers, read in place.

Nothing is unpacked, so a member's name is never a path on this machine. A shard may come from
anyone: only plain members that the corpus names are taken, each once, of the size that the manifest
gives, wholly inside the tar; links, devices and everything that is not named are passed over.
"""

import csv
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec import Struct

from verascope.errors import UsageError
from verascope.generate.manifest import MANIFEST, Row

MEMBERS = "members.csv"
BLOCK = tarfile.BLOCKSIZE  # 512 bytes
PLAIN = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})
# No content follows these, whatever size they claim.
LINKS = frozenset({tarfile.LNKTYPE, tarfile.SYMTYPE})
SIZELESS = LINKS | {tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE}


class Member(Struct, frozen=True, kw_only=True):
    """A line of members.csv: the file `path` of the manifest is `member` of the tar `shard`."""

    path: str
    shard: str
    member: str


class Span(NamedTuple):
    """A file's bytes inside a shard, and the name that they have there."""

    start: int
    size: int
    name: str


class Place(NamedTuple):
    """Where a file of a corpus is: a file of its own, or a span of a shard."""

    file: Path
    span: Span | None = None

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            OSError: it cannot be read.
        """
        if self.span is None:
            return self.file.read_bytes()
        with self.file.open("rb") as shard:
            shard.seek(self.span.start)
            return shard.read(self.span.size)

    @property
    def size(self) -> int:
        """In bytes."""
        return self.file.stat().st_size if self.span is None else self.span.size

    def __str__(self) -> str:
        return str(self.file) if self.span is None else f"{self.file}: {self.span.name}"


def places(folder: Path, rows: Iterable[Row]) -> Iterator[Place]:
    """Where each row's file is, in order; a packed corpus's shards are looked through first.

    Raises:
        UsageError: a packed corpus does not hold one of them, or not as its manifest says.
    """
    if not ((folder / MEMBERS).is_file() and (folder / MANIFEST).is_file()):
        yield from (Place(folder / row.path) for row in rows)
        return
    rows = list(rows)
    named = {member.path: member for member in _read(folder / MEMBERS)}
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.path not in named:
            raise UsageError(f"{folder / MEMBERS} does not say where {row.path} is")
        wanted[named[row.path].shard].add(named[row.path].member)
    spans = {shard: _spans(_shard(folder, shard), names) for shard, names in wanted.items()}
    for row in rows:
        member = named[row.path]
        yield _place(folder / member.shard, member.member, row, spans[member.shard])


def write(file: Path, members: Iterable[Member]) -> None:
    """Write members.csv."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, Member.__struct_fields__, lineterminator="\n")
        writer.writeheader()
        writer.writerows(msgspec.structs.asdict(member) for member in members)


def _read(file: Path) -> Iterator[Member]:
    with file.open(newline="", encoding="utf-8") as lines:
        for record in csv.DictReader(lines):
            yield msgspec.convert(record, Member, strict=False)


def _shard(folder: Path, name: str) -> Path:
    """A tar file that lies in the folder itself, under its own name."""
    file = folder / name
    if Path(name).name != name or file.is_symlink() or not file.is_file():
        raise UsageError(f"{folder} holds no shard {name!r}")
    return file


def _place(shard: Path, name: str, row: Row, spans: Mapping[str, Span]) -> Place:
    found = spans.get(name)
    if found is None:
        raise UsageError(f"{shard} holds no file {name!r}")
    if found.size != row.bytes:
        raise UsageError(
            f"{shard}: {name} has {found.size} bytes, but {row.bytes} in the corpus's manifest"
        )
    return Place(shard, found)


def _spans(shard: Path, names: set[str]) -> dict[str, Span]:
    """The plain members of these names.

    Raises:
        UsageError: the file is no plain tar, is cut off, or holds one of them twice.
    """
    found: dict[str, Span] = {}
    with shard.open("rb") as file:
        for entry, start in _headers(file, shard):
            if entry.name not in names or entry.type not in PLAIN:
                continue
            if entry.name in found:
                raise UsageError(f"{shard} holds {entry.name} twice")
            found[entry.name] = Span(start, entry.size, entry.name)
    return found


def _headers(file: BinaryIO, shard: Path) -> Iterator[tuple[tarfile.TarInfo, int]]:
    """Each header and where its content starts.

    Read by hand, because tarfile would take extended headers, as long as the sender likes, into
    memory. Names that need such a header are not ours.
    """
    end = file.seek(0, 2)
    at = 0
    while at < end:
        file.seek(at)
        try:
            entry = tarfile.TarInfo.frombuf(file.read(BLOCK), "utf-8", "surrogateescape")
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # a block of zeros: the end
            return
        except tarfile.HeaderError as error:
            raise UsageError(f"{shard} is no tar file at byte {at}: {error}") from error
        start = at + BLOCK
        size = 0 if entry.type in SIZELESS else entry.size
        if size < 0 or start + size > end:
            raise UsageError(f"{shard} is cut off in {entry.name}")
        yield entry, start
        at = start + -(-size // BLOCK) * BLOCK
