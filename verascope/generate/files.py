"""Real media files to train on, of any modality: a folder, or the real train rows of a corpus."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.generate import manifest
from verascope.generate.contract import Array, Data, Item
from verascope.generate.members import Place, places
from verascope.media.types import EXTENSIONS

CACHE_BYTES = 256_000_000
DEV_EVERY = 5  # one source in so many is dev


class Files(Data):
    """Media files, each decoded when asked for; the first 256 MB stay decoded.

    A subclass says which suffixes it takes, what to call them, and how one is decoded.
    """

    suffixes: ClassVar[frozenset[str]]
    types: ClassVar[str]  # how the names of their media types begin
    noun: ClassVar[str]  # in the plural

    def __init__(
        self, root: Path, rows: Sequence[manifest.Row], sha256: str, where: Mapping[str, Place]
    ) -> None:
        """`where` says for each row's path in which file, or part of a shard, it is."""
        self.root = root
        self._where = where
        self.rows = tuple(rows)
        self._sha256 = sha256
        self._cache: dict[int, NDArray[Any]] = {}
        self._cached_bytes = 0

    @staticmethod
    def decode(place: Place) -> Array:
        """One file's media, decoded as a scan would.

        Raises:
            InputTrouble: it cannot be read.
        """
        raise NotImplementedError

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Real media of a corpus (its manifest's real rows of the train split) or of any folder.

        A corpus keeps its split. A plain folder's sources are its subfolders; one in five of them,
        by a hash of their names, is dev (so every generator trained on that folder leaves out the
        same files). With fewer than five all is train.

        Raises:
            UsageError: there is none in it.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
        listed = folder / manifest.MANIFEST
        if listed.is_file():
            rows = [r for r in manifest.read(listed) if r.label == "real" and r.split == "train"]
            rows = [r for r in rows if cls._takes(r.path)]
        else:
            rows = _split([_row(folder, file) for file in _walk(folder, cls.suffixes)])
        if not rows:
            raise UsageError(f"{folder} holds no real {cls.noun} to train on")
        where = {row.path: place for row, place in zip(rows, places(folder, rows), strict=True)}
        return cls(folder, rows, digest_of(rows), where)

    @classmethod
    def _takes(cls, path: str) -> bool:
        """Whether a corpus's file is of this kind; a suffix that nobody knows is left to decode."""
        suffix = Path(path).suffix.lower()
        return EXTENSIONS.get(suffix.removeprefix("."), cls.types).startswith(cls.types)

    @property
    def sha256(self) -> str:
        """Hash over the files' paths and content hashes."""
        return self._sha256

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        row = self.rows[index]
        return Item(
            media=self._media(index),
            key=index,
            pair=row.pair or row.sha256[:16],
            source=row.source,
            split=row.split,
            origin=row.origin,
            licence=row.licence,
            kind=row.kind,
        )

    def only(self, split: str) -> Self:
        """The files of one split."""
        rows = [row for row in self.rows if row.split == split]
        return self if len(rows) == len(self.rows) else self._of(rows)

    def at(self, places: Sequence[int]) -> Self:
        """The files at these places."""
        return self._of([self.rows[place] for place in places])

    def relabelled(self, rows: Sequence[manifest.Row]) -> Self:
        """The same files with other facts about them, such as another split."""
        return self._of(rows)

    def _of(self, rows: Sequence[manifest.Row]) -> Self:
        return type(self)(self.root, rows, digest_of(rows), self._where)

    def _media(self, index: int) -> Array:
        if index not in self._cache:
            media = self.decode(self._where[self.rows[index].path])
            if self._cached_bytes + media.nbytes > CACHE_BYTES:
                return media
            self._cache[index] = media
            self._cached_bytes += media.nbytes
        return self._cache[index]


class Listed(Data):
    """Items that are already in memory, such as a generator's examples()."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = list(items)

    @property
    def sha256(self) -> str:
        """Hash over the media, in order."""
        digest = hashlib.sha256()
        for item in self._items:
            digest.update(repr(item.media.shape).encode() + item.media.tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Item:
        return self._items[index]


def _walk(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    found = []
    for directory, _, files in os.walk(folder):
        found += [Path(directory) / name for name in files if Path(name).suffix.lower() in suffixes]
    return sorted(found)


def _row(folder: Path, file: Path) -> manifest.Row:
    relative = file.relative_to(folder)
    content = file.read_bytes()
    return manifest.Row(
        path=str(relative),
        label="real",
        source=relative.parts[0] if len(relative.parts) > 1 else folder.name,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        origin=f"{folder.name}/{relative}",
    )


def _split(rows: list[manifest.Row]) -> list[manifest.Row]:
    sources = sorted({row.source for row in rows}, key=_place)
    dev = set(sources[: len(sources) // DEV_EVERY])
    return [msgspec.structs.replace(r, split="dev") if r.source in dev else r for r in rows]


def _place(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def digest_of(rows: Iterable[manifest.Row]) -> str:
    """Hash over the paths, hashes and splits of rows, hex."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.path}\0{row.sha256}\0{row.split}\n".encode())
    return digest.hexdigest()
