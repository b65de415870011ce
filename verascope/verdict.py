"""The table that turns scores and provenance into a verdict: the first rule that holds, wins.

Provenance never moves the detectors' probability, and the detectors never move a signature:
both stand side by side in the Case, and only this table brings them together.
"""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from verascope.result import Extent, Outcome, Verdict


class Reach(StrEnum):
    """The strictest operating point that the score reached."""

    HIGH_PRECISION = "high_precision"  # 1 % of real inputs reach it
    HIGH_RECALL = "high_recall"  # 10 % of real inputs reach it


class Case(Struct, frozen=True, kw_only=True):
    """All that the rules may look at.

    Attributes:
        scored: a detector gave a score.
        reach: the operating point that the score reached, if any.
        outcome: of the Content Credential, if it was looked at.
        declares_ai: extent of the AI that the credential declares in its signer's name.
        claims_capture: the active signature claims a camera, a scanner or film.
        has_ai_action: some manifest in the history declares an AI action.
        ingredient_failure: some ingredient did not validate.
        hints_ai: a mark without a signature, or a signature that holds but is not trusted, says
            AI of the whole or a part, or suspects it.
    """

    scored: bool = False
    reach: Reach | None = None
    outcome: Outcome | None = None
    declares_ai: Extent | None = None
    claims_capture: bool = False
    has_ai_action: bool = False
    ingredient_failure: bool = False
    hints_ai: bool = False

    @property
    def trusted(self) -> bool:
        """The active signature holds and chains to a trusted list."""
        return self.outcome is Outcome.TRUSTED


class Rule(Struct, frozen=True):
    """One row of the table; `when` says in words what `holds` says in code."""

    name: str
    when: str
    holds: Callable[[Case], bool]
    verdict: Verdict | None
    extent: Extent | None = None


RULES: tuple[Rule, ...] = (
    Rule(
        "trusted_ai",
        "a trusted signature declares AI for the whole",
        lambda case: case.trusted and case.declares_ai is Extent.WHOLE,
        Verdict.SYNTHETIC,
        Extent.WHOLE,
    ),
    Rule(
        "trusted_ai_part",
        "a trusted signature declares AI for a part",
        lambda case: case.trusted and case.declares_ai is Extent.PART,
        Verdict.SYNTHETIC,
        Extent.PART,
    ),
    Rule(
        "capture_conflict",
        "a trusted signature claims a capture, but the score is at or above the 1 % point",
        lambda case: case.trusted and case.claims_capture and case.reach is Reach.HIGH_PRECISION,
        Verdict.INCONCLUSIVE,
        Extent.WHOLE,
    ),
    Rule(
        "trusted_capture",
        "a trusted signature claims a capture; no AI action, no failed ingredient in its history",
        lambda case: (
            case.trusted
            and case.claims_capture
            and not case.has_ai_action
            and not case.ingredient_failure
        ),
        Verdict.AUTHENTICATED,
        Extent.WHOLE,
    ),
    Rule(
        "high_score",
        "the score is at or above the 1 % point",
        lambda case: case.reach is Reach.HIGH_PRECISION,
        Verdict.SYNTHETIC,
        Extent.WHOLE,
    ),
    Rule(
        "unvouched_ai",
        "a signature that holds but is not trusted, or a mark without a signature, declares AI",
        lambda case: case.hints_ai,
        Verdict.INCONCLUSIVE,
        Extent.WHOLE,
    ),
    Rule(
        "band",
        "the score lies between the 10 % and the 1 % point",
        lambda case: case.reach is Reach.HIGH_RECALL,
        Verdict.INCONCLUSIVE,
        Extent.WHOLE,
    ),
    Rule(
        "nothing_found",
        "it was scored, and nothing was found",
        lambda case: case.scored,
        Verdict.UNREMARKABLE,
        Extent.WHOLE,
    ),
    Rule("not_scored", "it was not scored", lambda case: True, None),
)


def decide(case: Case) -> Rule:
    """The first rule that holds for a case."""
    return next(rule for rule in RULES if rule.holds(case))


def table() -> str:
    """The rules as a Markdown table, for the docs."""
    rows = ["| # | rule | when | verdict | extent |", "| --- | --- | --- | --- | --- |"]
    for number, rule in enumerate(RULES, 1):
        answer = f"{rule.verdict or 'none'} | {rule.extent or ''}"
        rows.append(f"| {number} | `{rule.name}` | {rule.when} | {answer} |")
    return "\n".join(rows)
