"""The signing process's side of examine.py: what is asked, and how long it may take."""

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.media.source import open_regular
from verascope.provenance.examine import FUNCTION, Examined, Question, examine
from verascope.settings import Limits

BYTES_PER_S = 50_000_000  # a big file gets a second more for so many: all of it is hashed


class Examiner:
    """Asks about files, each in one worker that knows no key. A context manager.

    Args:
        limits: for reading them.
        own: the files are this process's own work and are examined in it, at no worker's cost.
    """

    def __init__(self, limits: Limits, *, own: bool) -> None:
        self._limits = limits
        self._own = own
        self._sandbox: Sandbox | None = None

    def ask(
        self,
        path: Path,
        media_type: str,
        trust: tuple[str, ...],
        *,
        whole: bool = True,
        title: str | None = None,
        sidecar: bytes | None = None,
    ) -> Examined:
        """Examine one file; the arguments are those of a Question.

        Raises:
            InputTrouble: it could not be examined, in time or at all.
        """
        question = Question(
            path=os.fsencode(path),
            media_type=media_type,
            trust=trust,
            limits=self._limits,
            whole=whole,
            title=title,
            sidecar=sidecar,
        )
        if self._own:
            return examine(question)
        (message,) = self._worker(path).call(msgspec.msgpack.encode(question))
        found = msgspec.msgpack.decode(message.data, type=Examined)
        if found.reason is not None:
            raise InputTrouble(found.reason, found.detail or "")
        return found

    def opened(self, path: Path) -> BinaryIO:
        """The file itself, for the signature; never a pipe or a device.

        Raises:
            InputTrouble: as open_regular.
        """
        return open_regular(os.fsencode(path), True, self._limits)

    def _worker(self, path: Path) -> Sandbox:
        if self._sandbox is None:
            size = path.stat().st_size if path.is_file() else 0
            self._sandbox = Sandbox(
                FUNCTION,
                memory_bytes=self._limits.worker_memory_bytes,
                timeout_s=self._limits.stage_timeout_s + size / BYTES_PER_S,
            )
        return self._sandbox

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
