"""Files that appear whole or not at all, and never in the place of what they were made from."""

import os
import tempfile
from pathlib import Path

from verascope.errors import UsageError


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by any link; or would, where neither is there yet."""
    try:
        return one.samefile(other)
    except OSError:
        return Path(os.path.realpath(one)) == Path(os.path.realpath(other))


def write_whole(path: Path, data: bytes, *, keep: tuple[Path, ...] = ()) -> None:
    """Write a file by its new content's rename; through a symbolic link, what it leads to.

    Args:
        path: where it goes.
        data: all of it.
        keep: files that must stay as they are.

    Raises:
        UsageError: path is one of `keep`, or nothing can be written there.
    """
    for each in keep:
        if same_file(path, each):
            raise UsageError(f"{path} would be written over {each}, which is read")
    target = Path(os.path.realpath(path))
    try:
        with tempfile.TemporaryDirectory(prefix=".verascope-", dir=target.parent) as folder:
            made = Path(folder) / "made"
            made.write_bytes(data)
            made.replace(target)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
