"""A folder of the user's cache that appears whole or not at all, whatever stops the program."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from verascope.errors import UsageError

LOCK = ".install.lock"
PREFIX = ".installing-"


@contextmanager
def stage(home: Path) -> Iterator[Path]:
    """A private folder inside `home` to work in; gone afterwards.

    One installation at a time: whoever holds the lock also clears what a killed one left.

    Raises:
        UsageError: another installation goes on there.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another installation into {home} goes on; wait for it") from error
        for left in home.glob(f"{PREFIX}*"):
            shutil.rmtree(left)
        with TemporaryDirectory(dir=home, prefix=PREFIX) as folder:
            yield Path(folder)


def put(folder: Path, target: Path) -> None:
    """Move a finished folder of the stage to its place; what stood there goes into the stage."""
    if target.exists():
        target.replace(folder.parent / "replaced")
    folder.replace(target)
