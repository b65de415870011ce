"""URLs that the user names, through fsspec: memory://, file://, s3://, gs://, https:// and more.

The bytes are copied to a nameless temporary file and read in the worker, as everything is. Which
stores can be read depends on what is installed beside fsspec (s3fs for s3://, and so on).
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from verascope.errors import InputTrouble, MissingExtraError, UsageError
from verascope.result import Reason
from verascope.scan.choice import Choice
from verascope.scan.sources import Source, Stream

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_url(name: str) -> bool:
    """Whether a name is a URL; a file of such a name can be given as ./NAME."""
    return URL.match(name) is not None


def objects(url: str, choice: Choice) -> Iterator[Source]:
    """A URL as the object that it names, or all the objects below it, sorted by name.

    Raises:
        UsageError: there is no such kind of store, or it cannot be reached.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("fsspec", "remote") from None
    try:
        store, root = fsspec.core.url_to_fs(url)
        is_folder = store.isdir(root)
        found = store.find(root, detail=True) if is_folder else {root: store.info(root)}
    except FileNotFoundError:
        yield Stream(url, lambda: _unreachable(Reason.NOT_FOUND, ""))
        return
    except (ImportError, ValueError) as error:  # no such protocol, or its package is missing
        raise UsageError(f"{url}: {error}") from error
    except Exception as error:
        raise UsageError(f"{url} cannot be reached: {error}") from error
    for path in sorted(found):
        if len(found) == 1 or choice.wants(path.removeprefix(root).lstrip("/")):
            yield Stream(
                store.unstrip_protocol(path),
                lambda path=path: _read(store, path),  # type: ignore[misc]
                stamped=_stamp(found[path]),
            )


@contextmanager
def _read(store: Any, path: str) -> Iterator[BinaryIO]:
    """An object's bytes as a stream.

    Raises:
        InputTrouble: it is gone, may not be read, or its store failed.
    """
    try:
        with store.open(path, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise InputTrouble(Reason.NOT_FOUND) from error
    except PermissionError as error:
        raise InputTrouble(Reason.PERMISSION_DENIED) from error
    except OSError as error:
        raise InputTrouble(Reason.NOT_FOUND, f"its store failed: {error}") from error


@contextmanager
def _unreachable(reason: Reason, detail: str) -> Iterator[BinaryIO]:
    if reason:
        raise InputTrouble(reason, detail)
    yield io.BytesIO()


def _stamp(info: dict[str, Any]) -> str | None:
    """What the store tells of a version of an object; None where that is its size alone."""
    told = [info.get(key) for key in ("ETag", "etag", "mtime", "LastModified", "created")]
    return None if not any(told) else f"{info.get('size')}:{[str(each) for each in told if each]}"
