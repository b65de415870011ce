"""The exceptions: ours end a command with an exit code, an input's trouble becomes a Result."""

from enum import IntEnum

from verascope.result import Reason


class ExitCode(IntEnum):
    """What a verb returns to the shell; the same for every verb (docs/cli.md)."""

    OK = 0
    FLAGGED = 1
    INCOMPLETE = 2
    USAGE = 64
    FAULT = 70
    INTERRUPTED = 130


class VerascopeError(Exception):
    """Base of every exception that Verascope raises on purpose; carries the exit code."""

    exit_code: ExitCode = ExitCode.FAULT


class UsageError(VerascopeError):
    """The command or the call asked for something that cannot be; the message names the mend."""

    exit_code = ExitCode.USAGE


class MissingExtraError(UsageError):
    """A part of Verascope was asked for whose extra is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"{module} is not installed; install it with: pip install 'verascope[{extra}]'"
        )


class ModelError(VerascopeError):
    """A model folder is missing, incomplete, or not what its hashes say."""


class InputTrouble(VerascopeError):  # noqa: N818 - it is not an error of the program
    """An input cannot be judged. Raised while reading one input, turned into its Result.

    Attributes:
        reason: one of the closed list.
        detail: what exactly was found, for people; names no path.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
