"""What to scan: named files, folders walked in a stable order, lists of names."""

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from verascope.result import Reason

STDIN = "-"


class Source(NamedTuple):
    """One input. Links are followed only where the user named them.

    `reason` is set where the input cannot even be asked for: a folder that may not be listed.
    """

    path: str
    follow_links: bool
    reason: Reason | None = None


def expand(paths: Iterable[str]) -> Iterator[Source]:
    """Each path as it is; a folder as all the files below it, sorted by name.

    Symbolic links inside a folder are handed on, not followed, so a cycle ends and nothing outside
    the folder is opened. A folder that cannot be listed is handed on itself, with the reason.
    """
    for path in paths:
        if path != STDIN and os.path.isdir(path):
            yield from _walk(path)
        else:
            yield Source(path, follow_links=True)


def listed(file: BinaryIO, separator: bytes = b"\n") -> Iterator[str]:
    """The names in a list of files, one a line (or between NULs); empty lines are skipped."""
    rest = b""
    while chunk := file.read(1 << 16):
        *names, rest = (rest + chunk).split(separator)
        yield from (os.fsdecode(name) for name in names if name)
    if rest:
        yield os.fsdecode(rest)


def _walk(folder: str) -> Iterator[Source]:
    """Depth first without recursion: a folder may be deeper than Python's stack."""
    waiting = [(folder, True)]
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield Source(path, follow_links=False)
            continue
        try:
            waiting.extend(reversed(_entries(path)))
        except PermissionError:
            yield Source(path, follow_links=False, reason=Reason.PERMISSION_DENIED)
        except OSError:  # it is gone, or was replaced
            yield Source(path, follow_links=False, reason=Reason.NOT_FOUND)


def _entries(folder: str) -> list[tuple[str, bool]]:
    """What lies in a folder, by name, and whether it is a folder."""
    with os.scandir(folder) as found:
        return sorted((entry.path, entry.is_dir(follow_symlinks=False)) for entry in found)
