"""What can be scanned: one kind of source a class, each of which knows how a Scanner reads it."""

import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from verascope.result import Reason, Result

if TYPE_CHECKING:
    from verascope.scanner import Known, Scanner

STDIN = "-"


class Source(Protocol):
    """One input of a run."""

    @property
    def uri(self) -> str:
        """How its Result names it."""

    def stamp(self) -> str | None:
        """What changes with the content, found without reading it; None where nothing does.

        A journal takes an input with the stamp of the last run for done.
        """

    def scan(self, scanner: "Scanner", known: "Known | None" = None) -> Result:
        """Judge it; whatever is wrong with it is in the Result."""


@dataclass(frozen=True, slots=True)
class File:
    """A file by its path. Links are followed only where the user named them."""

    path: str
    follow_links: bool = True
    name: str | None = None

    @property
    def uri(self) -> str:
        """Its name; else its path, or a file: URI where that is no valid Unicode."""
        from verascope.scanner import uri_of

        return uri_of(self.path) if self.name is None else self.name

    def stamp(self) -> str | None:
        """Size, times of change and place on the disk; or why it has none."""
        try:
            found = os.stat(self.path, follow_symlinks=self.follow_links)
        except OSError as error:
            return f"error {error.errno}"
        except ValueError:  # a NUL in the name
            return "no name"
        if not stat.S_ISREG(found.st_mode):
            return f"mode {stat.S_IFMT(found.st_mode):o}"
        return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"

    def scan(self, scanner: "Scanner", known: "Known | None" = None) -> Result:
        """Judge the file."""
        return scanner.scan(self.path, follow_links=self.follow_links, known=known, name=self.name)


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes that are no file of their own: standard input, an archive's member, a remote object.

    Attributes:
        uri: how its Result names it.
        open: gives the bytes, when their turn comes.
        part: what it is of the file that the uri begins with.
        stamped: the stamp.
    """

    uri: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    part: str | None = None
    stamped: str | None = None

    def stamp(self) -> str | None:
        """As it was given."""
        return self.stamped

    def scan(self, scanner: "Scanner", known: "Known | None" = None) -> Result:
        """Judge what the stream holds; where it cannot be had, say why."""
        from verascope.errors import InputTrouble
        from verascope.scanner import refused

        try:
            with self.open() as stream:
                return scanner.scan_stream(stream, self.uri, part=self.part, known=known)
        except InputTrouble as trouble:
            return refused(self.uri, trouble.reason, trouble.detail, part=self.part)


@dataclass(frozen=True, slots=True)
class Refused:
    """An input that cannot even be asked for: a folder that may not be listed, say."""

    uri: str
    reason: Reason
    detail: str = ""
    part: str | None = None

    def stamp(self) -> str | None:
        """The reason: while that stays, nothing is new."""
        return self.reason

    def scan(self, scanner: "Scanner", known: "Known | None" = None) -> Result:
        """The Result that says why."""
        from verascope.scanner import refused

        return refused(self.uri, self.reason, self.detail, part=self.part)
