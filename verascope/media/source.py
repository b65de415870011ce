"""Opening the one file that was named, and nothing that only looks like one."""

import os
import stat
from typing import BinaryIO

from verascope.errors import InputTrouble
from verascope.result import Reason
from verascope.settings import Limits


def open_regular(path: bytes, follow_links: bool, limits: Limits) -> BinaryIO:
    """Open a regular, non-empty file within the size limit; never blocks on a pipe or device.

    Raises:
        InputTrouble: not_found, permission_denied, not_a_file, empty or too_large.
    """
    try:
        status = os.stat(path, follow_symlinks=follow_links)
        _check_status(status, limits)
        no_follow = 0 if follow_links else os.O_NOFOLLOW
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | no_follow)
    except PermissionError as error:
        raise InputTrouble(Reason.PERMISSION_DENIED) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputTrouble(Reason.NOT_FOUND, getattr(error, "strerror", "")) from error
    file = os.fdopen(fd, "rb")
    try:
        _check_status(os.fstat(fd), limits)  # it may have been swapped since
    except InputTrouble:
        file.close()
        raise
    return file


def _check_status(status: os.stat_result, limits: Limits) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise InputTrouble(Reason.NOT_A_FILE, "a symbolic link; name it to judge its target")
    if not stat.S_ISREG(status.st_mode):
        raise InputTrouble(Reason.NOT_A_FILE)
    if status.st_size == 0:
        raise InputTrouble(Reason.EMPTY)
    if status.st_size > limits.max_bytes:
        detail = f"{status.st_size} bytes, the limit is {limits.max_bytes}"
        raise InputTrouble(Reason.TOO_LARGE, detail)
