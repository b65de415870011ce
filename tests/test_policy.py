"""Policies: the first rule that holds decides; errors name file and line; replays count changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Command
from verascope.errors import UsageError
from verascope.policy import (
    NUMBERS,
    WORDS,
    Action,
    Policy,
    Range,
    Rule,
    When,
    checks,
    load,
    remarks,
)
from verascope.result import (
    Claim,
    Evidence,
    Extent,
    Input,
    Outcome,
    Provenance,
    Result,
    Status,
    Strength,
    Supports,
    Verdict,
)

RULES = """
# of a house
name = "house"
default = "allow"

[[rule]]
name = "declared"
when = { trusted_claim = "generated" }
action = "label"

[[rule]]
name = "surely synthetic"
action = "block"
when.verdict = "synthetic"
when.score = { at_least = 0.95 }

[[rule]]
name = "look at it"
action = "review"
when.verdict = ["synthetic", "inconclusive"]
"""


def result(**fields: object) -> Result:
    given = {"input": Input(uri="a.jpg", width=100), "status": Status.SCORED} | fields
    return Result(**given)  # type: ignore[arg-type]


def claimed(*, trusted: bool) -> Provenance:
    claim = Claim(kind="generated", statement="made by a model", trusted=trusted)
    return Provenance(outcome=Outcome.TRUSTED, claims=(claim,))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    return file


@pytest.mark.parametrize(
    ("given", "action", "rule"),
    [
        (result(verdict=Verdict.UNREMARKABLE, score=0.2), "allow", "default"),
        (result(verdict=Verdict.SYNTHETIC, score=0.95), "block", "surely synthetic"),
        (result(verdict=Verdict.SYNTHETIC, score=0.94), "review", "look at it"),
        (result(verdict=Verdict.INCONCLUSIVE, score=0.99), "review", "look at it"),
        (result(verdict=Verdict.SYNTHETIC, provenance=claimed(trusted=True)), "label", "declared"),
        (
            result(verdict=Verdict.SYNTHETIC, provenance=claimed(trusted=False)),
            "review",
            "look at it",
        ),
        (result(status=Status.FAILED), "allow", "default"),
    ],
)
def test_the_first_rule_that_holds_decides(
    rules: Path, given: Result, action: str, rule: str
) -> None:
    policy = load(rules)
    decision = policy.decide(given)
    assert (decision.action, decision.rule) == (action, rule)
    applied = policy.applied(given)
    assert applied.policy == decision
    assert policy.sha256[:12] in applied.versions["policy"]
    assert applied.verdict is given.verdict


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (When(), True),
        (When(extent=Extent.PART), False),
        (When(media_type="image/*"), True),
        (When(uri=("*.png", "*.jpg")), True),
        (When(warning="trailing_data"), True),
        (When(warning="damaged"), False),
        (When(evidence=Supports.EDITED, evidence_strength=Strength.STRONG), True),
        (When(claim="generated"), True),
        (When(trusted_claim="generated"), False),
        (When(width=Range(at_least=100, below=101)), True),
        (When(width=Range(below=100)), False),
        (When(duration_s=Range(at_least=0)), False),
        (When(provenance=(Outcome.INVALID, Outcome.TRUSTED)), True),
        (When(operating_point="high_recall"), False),
    ],
)
def test_each_condition(when: When, holds: bool) -> None:
    evidence = Evidence(
        kind="credential", supports=Supports.EDITED, strength=Strength.STRONG, statement="."
    )
    given = result(
        input=Input(uri="folder/a.jpg", media_type="image/jpeg", width=100),
        warnings=("trailing_data",),
        evidence=(evidence,),
        provenance=claimed(trusted=False),
    )
    rule = Rule(name="r", action=Action.LABEL, when=when)
    assert all(check.holds for check in checks(rule, given)) is holds


def test_every_condition_has_a_value() -> None:
    assert set(When.__struct_fields__) == WORDS.keys() | NUMBERS.keys()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('default = "allow"', 'default = "alow"', 4, "alow"),
        ('action = "block"', 'action = "blok"', 13, "blok"),
        ('when.verdict = "synthetic"', 'when.verdict = "sintetic"', 14, "sintetic"),
        ("when.score = { at_least", "when.score = { atleast", 15, "atleast"),
        ('name = "surely synthetic"', 'name = "declared"', 12, "a second rule"),
        ('action = "review"', 'actions = "review"', 19, "action"),
        ('name = "house"', 'name = "house', 3, "line 3"),
    ],
)
def test_an_error_names_file_and_line(
    rules: Path, old: str, new: str, line: int, said: str
) -> None:
    rules.write_text(RULES.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load(rules)
    assert said in str(caught.value)
    assert f"{rules}:{line}:" in str(caught.value) or f"line {line}" in str(caught.value)


def test_what_can_never_decide_is_remarked() -> None:
    every = Rule(name="all", action=Action.REVIEW)
    one = Rule(name="one", action=Action.LABEL, when=When(status=Status.SCORED))
    again = Rule(name="again", action=Action.ALLOW, when=When(status=Status.SCORED))
    assert "so 'one' never decides" in remarks(Policy(default=Action.ALLOW, rule=(every, one)))[0]
    assert "'one' has its conditions" in remarks(Policy(default=Action.ALLOW, rule=(one, again)))[0]
    assert remarks(Policy(default=Action.ALLOW, rule=(one, every))) == []


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_range_holds_from_its_low_end_on_and_below_its_high_end(
    low: float, high: float, value: float
) -> None:
    assert Range(at_least=low, below=high).holds(value) is (low <= value < high)


def test_the_hash_is_of_what_it_says(rules: Path) -> None:
    before = load(rules).sha256
    rules.write_text(RULES.replace("# of a house", "\n\n# another comment"))
    assert load(rules).sha256 == before
    rules.write_text(RULES.replace("0.95", "0.9"))
    assert load(rules).sha256 != before


def test_check_explain_and_replay_on_the_command_line(
    verascope: Command, rules: Path, tmp_path: Path
) -> None:
    done = verascope("policy", "check", rules)
    assert (done.code, done.out.splitlines()[-1]) == (0, "allow   everything else")
    results = tmp_path / "r.jsonl"
    policy = load(rules)
    many = [
        policy.applied(result(verdict=Verdict.SYNTHETIC, score=score))
        for score in (0.5, 0.97, 0.99)
    ]
    results.write_bytes(b"".join(each.to_json() + b"\n" for each in many))
    done = verascope("policy", "explain", rules, results)
    assert "decided by 'look at it': verdict is synthetic" in done.out
    assert "not 'surely synthetic': score is 0.5, not at least 0.95" in done.out
    assert verascope("policy", "replay", rules, results).code == 0
    rules.write_text(RULES.replace("0.95", "0.98"))
    done = verascope("policy", "replay", rules, results, "--list")
    assert done.code == 1
    assert "1 of 3 actions would change" in done.err
    assert "block → review  a.jpg  [look at it]" in done.out
    rules.write_text("default = 3")
    assert verascope("policy", "check", rules).code == 64


def test_a_scan_with_a_policy(verascope: Command, examples: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text('default = "review"')
    photo = examples / "photographs" / "coffee.webp"
    done = verascope("scan", photo, "--policy", file, "--format", "jsonl", "--fail-on", "review")
    assert done.code == 1
    found = Result.from_json(done.out)
    assert found.policy is not None and found.policy.action == "review"
    assert "1 review" in done.err
