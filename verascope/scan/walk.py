"""From what a user names to sources: files, folders in a stable order, globs, lists, URLs."""

import glob
import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import nullcontext
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble, UsageError
from verascope.media.spool import Spool
from verascope.result import Reason
from verascope.scan.archives import ArchiveLimits, is_archive, members
from verascope.scan.choice import Choice
from verascope.scan.remote import is_url, objects
from verascope.scan.sources import STDIN, File, Refused, Source, Stream
from verascope.scan.tables import TableOptions, is_table, rows
from verascope.scanner import uri_of
from verascope.settings import Limits


class Walk(Struct, frozen=True, kw_only=True):
    """How folders and archives are gone through.

    Attributes:
        choice: which of the files below a folder, or in an archive, are wanted.
        max_depth: how many folders below a named one are entered; None enters all.
        archives: look into zip and tar files, within these limits; None takes them as they are.
        tables: judge each row of .jsonl and .csv files by itself; None takes them as they are.
        limits: of one file.
    """

    choice: Choice = Choice()
    max_depth: int | None = None
    archives: ArchiveLimits | None = ArchiveLimits()
    tables: TableOptions | None = TableOptions()
    limits: Limits = Limits()


def expand(paths: Iterable[str], walk: Walk | None = None) -> Iterator[Source]:
    """Each path as its sources; a folder as all the files below it, sorted by name.

    Symbolic links inside a folder are handed on, not followed, so a cycle ends and nothing outside
    the folder is opened. A folder that cannot be listed is handed on itself, with the reason.
    """
    walk = walk or Walk()
    for path in paths:
        for name in _globbed(path):
            for source in _named(name, walk):
                if walk.choice.of_this_shard(source.uri):
                    yield from _opened(source, walk)


def count(paths: Iterable[str], walk: Walk) -> int:
    """How many sources there will be, as far as that is known without opening any."""
    flat = msgspec.structs.replace(walk, archives=None, tables=None)
    return sum(1 for name in paths if not is_url(name) for _ in expand([name], flat))


def listed(file: BinaryIO, separator: bytes = b"\n") -> Iterator[str]:
    """The names in a list of files, one a line (or between NULs); empty lines are skipped."""
    rest = b""
    while chunk := file.read(1 << 16):
        *names, rest = (rest + chunk).split(separator)
        yield from (os.fsdecode(name) for name in names if name)
    if rest:
        yield os.fsdecode(rest)


def _globbed(path: str) -> Iterable[str]:
    """What a pattern that no shell has expanded stands for; another name is itself."""
    if path == STDIN or is_url(path) or not glob.has_magic(path) or os.path.lexists(path):
        return (path,)
    return sorted(glob.iglob(path, recursive=True)) or (path,)


def _named(path: str, walk: Walk) -> Iterator[Source]:
    """What one name stands for."""
    if path == STDIN:
        yield Stream(STDIN, _standard_input)
    elif is_url(path):
        yield from objects(path, walk.choice)
    elif os.path.isdir(path):
        yield from _walked(path, walk)
    else:
        yield File(path)


def _standard_input() -> nullcontext[BinaryIO]:
    if sys.stdin is None:
        raise UsageError("there is no standard input to read")
    return nullcontext(sys.stdin.buffer)


def _opened(source: Source, walk: Walk) -> Iterator[Source]:
    """An archive as its members, a table as its rows, anything else as it is."""
    if walk.tables is not None and isinstance(source, File) and is_table(source.uri):
        yield from rows(source, walk.tables, walk.limits)
    elif walk.archives is None or not is_archive(source.uri):
        yield source
    elif isinstance(source, File):
        yield from members(source, walk.archives, walk.limits, walk.choice, source.stamp())
    elif isinstance(source, Stream) and is_url(source.uri):
        yield from _fetched(source, walk, walk.archives)
    else:
        yield source


def _fetched(source: Stream, walk: Walk, bounds: ArchiveLimits) -> Iterator[Source]:
    """The members of an archive in a store, copied to a nameless file first."""
    try:
        with source.open() as stream, Spool(stream, walk.limits.max_bytes) as path:
            copy = File(path, name=source.uri)
            for member in members(copy, bounds, walk.limits, walk.choice, source.stamp()):
                yield source if member is copy else member
    except InputTrouble as trouble:
        yield Refused(source.uri, trouble.reason, trouble.detail)


class _Folder(NamedTuple):
    """A folder that is being gone through: the names that are left, the last one first."""

    path: str
    names: list[str]
    folders: set[str]


def _walked(folder: str, walk: Walk) -> Iterator[Source]:
    """Depth first without recursion: a folder may be deeper than Python's stack."""
    entered = [(yield from _entered(folder))]
    while entered:
        here = entered[-1]
        if not here.names:
            entered.pop()
            continue
        name = here.names.pop()
        path = os.path.join(here.path, name)
        if name not in here.folders:
            if walk.choice.wants(os.path.relpath(path, folder)):
                yield File(path, follow_links=False)
        elif walk.max_depth is None or len(entered) <= walk.max_depth:
            entered.append((yield from _entered(path)))


def _entered(folder: str) -> Generator[Source, None, _Folder]:
    """A folder's names; where it cannot be listed, it becomes a source that says why."""
    entries: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as found:
            entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    except PermissionError:
        yield Refused(uri_of(folder), Reason.PERMISSION_DENIED)
    except OSError:  # it is gone, or was replaced
        yield Refused(uri_of(folder), Reason.NOT_FOUND)
    names = sorted((name for name, _ in entries), reverse=True)
    return _Folder(folder, names, {name for name, is_folder in entries if is_folder})
