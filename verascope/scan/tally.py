"""What a run came to: counts by verdict and reason, and the exit code."""

from collections import Counter

from verascope.errors import ExitCode
from verascope.result import Result, Status


class Tally:
    """Counts Results as they pass.

    Args:
        flagging: the verdicts, or actions of a policy, that make a run flagged.
    """

    def __init__(self, flagging: frozenset[str]) -> None:
        self._flagging = flagging
        self.clear()

    def clear(self) -> None:
        """Begin again at nothing."""
        self._verdicts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._actions: Counter[str] = Counter()
        self._total = 0
        self._flagged = False
        self._incomplete = False

    def add(self, result: Result) -> None:
        """Count one Result."""
        action = result.policy.action if result.policy else None
        self.count(result.status, result.reason, result.verdict, action)

    def count(
        self,
        status: str,
        reason: str | None,
        verdict: str | None,
        action: str | None = None,
        number: int = 1,
    ) -> None:
        """Count so many Results that came to the same."""
        self._total += number
        if verdict is not None:
            self._verdicts[verdict] += number
            self._flagged |= verdict in self._flagging
        if action is not None:
            self._actions[action] += number
            self._flagged |= action in self._flagging
        if reason is not None:
            self._reasons[f"{status} ({reason})"] += number
        self._incomplete |= status in (Status.FAILED, Status.PARTIAL)

    def summary(self) -> str:
        """One line: how many inputs, what was said of them, what could not be judged and why."""
        counts = [
            *self._verdicts.most_common(),
            *self._reasons.most_common(),
            *self._actions.most_common(),
        ]
        said = ", ".join(f"{count} {name}" for name, count in counts)
        return f"{self._total} input{'' if self._total == 1 else 's'}" + (
            f": {said}" if said else ""
        )

    def exit_code(self, *, exit_zero: bool) -> ExitCode:
        """2 wins over 1, because an incomplete answer is no answer."""
        if self._incomplete:
            return ExitCode.INCOMPLETE
        return ExitCode.FLAGGED if self._flagged and not exit_zero else ExitCode.OK
