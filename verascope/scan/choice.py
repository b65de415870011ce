"""Which of the files below a folder are wanted: patterns as in .gitignore, and a share of them."""

import zlib
from functools import cached_property
from pathlib import PurePath
from typing import Any

from msgspec import Struct


class Choice(Struct, frozen=True, kw_only=True, dict=True):
    """What to take of what is found. Files that the user names themselves are always taken.

    Attributes:
        include: patterns, one of which a file must fit; all fit if empty.
        exclude: patterns that it must not fit.
        shard: (i, n): only the i-th of n shares, 1 ≤ i ≤ n; by name, so that n machines that are
            given the same folders share them without talking.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None

    def wants(self, relative: str) -> bool:
        """Whether a file is wanted, by its path from the named folder."""
        if not self.include and not self.exclude:
            return True
        path = PurePath(relative).as_posix()
        included = not self.include or self._included.match_file(path)
        return bool(included and not (self.exclude and self._excluded.match_file(path)))

    def of_this_shard(self, uri: str) -> bool:
        """Whether an input belongs to this share."""
        if self.shard is None:
            return True
        index, count = self.shard
        return zlib.crc32(uri.encode(errors="surrogateescape")) % count == index - 1

    @cached_property
    def _included(self) -> Any:
        return _patterns(self.include)

    @cached_property
    def _excluded(self) -> Any:
        return _patterns(self.exclude)


def _patterns(lines: tuple[str, ...]) -> Any:
    from pathspec import GitIgnoreSpec  # only where there are patterns

    return GitIgnoreSpec.from_lines(lines)
