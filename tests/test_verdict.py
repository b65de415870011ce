"""Row by row, and each row against the ones above it."""

from itertools import product
from pathlib import Path

import pytest

from verascope.result import Extent, Outcome, Verdict
from verascope.verdict import RULES, Case, Reach, decide, table

TRUSTED = Outcome.TRUSTED
HIGH, BAND = Reach.HIGH_PRECISION, Reach.HIGH_RECALL


@pytest.mark.parametrize(
    ("case", "rule", "verdict", "extent"),
    [
        (
            Case(outcome=TRUSTED, declares_ai=Extent.WHOLE),
            "trusted_ai",
            Verdict.SYNTHETIC,
            Extent.WHOLE,
        ),
        (
            Case(outcome=TRUSTED, declares_ai=Extent.PART, claims_capture=True, scored=True),
            "trusted_ai_part",
            Verdict.SYNTHETIC,
            Extent.PART,
        ),
        (
            Case(outcome=TRUSTED, claims_capture=True, scored=True, reach=HIGH),
            "capture_conflict",
            Verdict.INCONCLUSIVE,
            Extent.WHOLE,
        ),
        (
            Case(outcome=TRUSTED, claims_capture=True, scored=True, reach=BAND),
            "trusted_capture",
            Verdict.AUTHENTICATED,
            Extent.WHOLE,
        ),
        (
            Case(outcome=TRUSTED, claims_capture=True, scored=True, ingredient_failure=True),
            "nothing_found",
            Verdict.UNREMARKABLE,
            Extent.WHOLE,
        ),
        (
            Case(outcome=TRUSTED, claims_capture=True, scored=True, has_ai_action=True),
            "nothing_found",
            Verdict.UNREMARKABLE,
            Extent.WHOLE,
        ),
        (Case(scored=True, reach=HIGH), "high_score", Verdict.SYNTHETIC, Extent.WHOLE),
        (
            Case(outcome=Outcome.VALID_UNTRUSTED, hints_ai=True, scored=True),
            "unvouched_ai",
            Verdict.INCONCLUSIVE,
            Extent.WHOLE,
        ),
        (Case(scored=True, hints_ai=True), "unvouched_ai", Verdict.INCONCLUSIVE, Extent.WHOLE),
        (Case(scored=True, reach=BAND), "band", Verdict.INCONCLUSIVE, Extent.WHOLE),
        (Case(scored=True), "nothing_found", Verdict.UNREMARKABLE, Extent.WHOLE),
        (Case(), "not_scored", None, None),
    ],
)
def test_row(case: Case, rule: str, verdict: Verdict | None, extent: Extent | None) -> None:
    decided = decide(case)
    assert (decided.name, decided.verdict, decided.extent) == (rule, verdict, extent)


CASES = [
    Case(
        scored=scored,
        reach=reach if scored else None,
        outcome=outcome,
        declares_ai=ai,
        claims_capture=capture,
        has_ai_action=action,
        ingredient_failure=failure,
        hints_ai=marked,
    )
    for scored, reach, outcome, ai, capture, action, failure, marked in product(
        (True, False), (None, *Reach), (None, *Outcome), (None, *Extent), *[(True, False)] * 4
    )
]


def test_only_a_trusted_signature_authenticates() -> None:
    for case in CASES:
        if decide(case).verdict is Verdict.AUTHENTICATED:
            assert case.outcome is TRUSTED
            assert case.claims_capture
            assert case.reach is not HIGH


def test_a_signature_that_does_not_hold_gives_no_verdict_by_itself() -> None:
    for case in CASES:
        if case.outcome is Outcome.INVALID:
            bare = Case(scored=case.scored, reach=case.reach, hints_ai=case.hints_ai)
            assert decide(case).name == decide(bare).name


def test_every_rule_is_reached_and_named_once() -> None:
    assert {decide(case).name for case in CASES} == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_docs_hold_the_table() -> None:
    docs = Path(__file__).parents[1] / "docs" / "verdicts.md"
    assert table() in docs.read_text(encoding="utf-8"), "run: make docs"
