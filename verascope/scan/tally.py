"""What a run came to: counts by verdict and reason, and the exit code."""

from collections import Counter

from verascope.errors import ExitCode
from verascope.result import Result, Status, Verdict


class Tally:
    """Counts Results as they pass.

    Args:
        flagging: the verdicts that make a run flagged.
    """

    def __init__(self, flagging: frozenset[Verdict]) -> None:
        self._flagging = flagging
        self._verdicts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._total = 0
        self._flagged = False
        self._incomplete = False

    def add(self, result: Result) -> None:
        """Count one Result."""
        self._total += 1
        if result.verdict is not None:
            self._verdicts[result.verdict] += 1
            self._flagged |= result.verdict in self._flagging
        if result.reason is not None:
            self._reasons[f"{result.status} ({result.reason})"] += 1
        self._incomplete |= result.status in (Status.FAILED, Status.PARTIAL)

    def summary(self) -> str:
        """One line: how many inputs, what was said of them, what could not be judged and why."""
        counts = [*self._verdicts.most_common(), *self._reasons.most_common()]
        said = ", ".join(f"{count} {name}" for name, count in counts)
        return f"{self._total} input{'' if self._total == 1 else 's'}" + (
            f": {said}" if said else ""
        )

    def exit_code(self, *, exit_zero: bool) -> ExitCode:
        """2 wins over 1, because an incomplete answer is no answer."""
        if self._incomplete:
            return ExitCode.INCOMPLETE
        return ExitCode.FLAGGED if self._flagged and not exit_zero else ExitCode.OK
