"""Verascope: was it made by a machine, and where does it come from?

Example:
    >>> from verascope import Scanner
    >>> with Scanner() as scanner:
    ...     result = scanner.scan("photo.jpg")
    ...     print(result.verdict, result.score)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verascope.result import Result as Result
    from verascope.scanner import Scanner as Scanner
    from verascope.settings import Settings as Settings

__version__ = "0.1.0"
__all__ = ["Result", "Scanner", "Settings", "__version__"]

_FACE = {
    "Result": "verascope.result",
    "Scanner": "verascope.scanner",
    "Settings": "verascope.settings",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: `verascope --help` needs none of it."""
    if name not in _FACE:
        raise AttributeError(f"module 'verascope' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_FACE[name]), name)
