"""Foreign text that is safe to print, as the verbs import it."""

from verascope.media.escape import printable

__all__ = ["printable"]
