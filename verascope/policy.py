"""A policy: an ordered list of rules, each a condition on a Result and an action.

    default = "allow"

    [[rule]]
    name = "declared by its maker"
    when = { trusted_claim = "generated" }
    action = "label"

    [[rule]]
    name = "very likely synthetic, whole"
    when = { verdict = "synthetic", extent = "whole", score = { at_least = 0.9 } }
    action = "limit"

The first rule all of whose conditions hold, decides. A condition takes one value or a list of
them, any of which may hold. Policies act on Results and never change what a Result says.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from verascope.errors import UsageError
from verascope.result import (
    Extent,
    Modality,
    Outcome,
    PolicyDecision,
    Reason,
    Result,
    Status,
    Strength,
    Supports,
    Verdict,
)


class Action(StrEnum):
    """What is to be done with an input; from nothing to not showing it."""

    ALLOW = "allow"
    LABEL = "label"
    REVIEW = "review"
    LIMIT = "limit"
    BLOCK = "block"


class Range(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers from `at_least` on, below `below`; a Result without the number is outside."""

    at_least: float | None = None
    below: float | None = None

    def holds(self, value: float | None) -> bool:
        """Whether a number lies in it."""
        if value is None:
            return False
        above = self.at_least is None or value >= self.at_least
        return above and (self.below is None or value < self.below)

    def __str__(self) -> str:
        """In words."""
        ends = (("at least", self.at_least), ("below", self.below))
        return " and ".join(f"{word} {end:g}" for word, end in ends if end is not None)


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions on a Result; those that are left out hold for all.

    Attributes:
        verdict, extent, status, reason, modality, provenance: of the Result's fields of that name;
            `provenance` is the outcome.
        media_type, uri: patterns as a shell has them, of the type and the name.
        warning: any of the Result's.
        claim: what a credential's manifests say was done, whoever signed: captured, generated …
        trusted_claim: the same, of signers on a trust list.
        evidence, evidence_strength: what any evidence supports, and how strong that one is.
        operating_point: that the first detector's score reaches: high_precision, high_recall.
        score, interval_low, interval_high, width, height, bytes, duration_s: numbers.
    """

    verdict: Verdict | tuple[Verdict, ...] | None = None
    extent: Extent | tuple[Extent, ...] | None = None
    status: Status | tuple[Status, ...] | None = None
    reason: Reason | tuple[Reason, ...] | None = None
    modality: Modality | tuple[Modality, ...] | None = None
    provenance: Outcome | tuple[Outcome, ...] | None = None
    media_type: str | tuple[str, ...] | None = None
    uri: str | tuple[str, ...] | None = None
    warning: str | tuple[str, ...] | None = None
    claim: str | tuple[str, ...] | None = None
    trusted_claim: str | tuple[str, ...] | None = None
    evidence: Supports | tuple[Supports, ...] | None = None
    evidence_strength: Strength | tuple[Strength, ...] | None = None
    operating_point: str | tuple[str, ...] | None = None
    score: Range | None = None
    interval_low: Range | None = None
    interval_high: Range | None = None
    width: Range | None = None
    height: Range | None = None
    bytes: Range | None = None
    duration_s: Range | None = None


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action for the Results that the conditions hold for; `note` is for people."""

    name: str
    action: Action
    when: When = When()
    note: str = ""


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules in their order, and what holds where none does."""

    default: Action
    rule: tuple[Rule, ...] = ()
    name: str = "unnamed"
    version: str = "1"

    @property
    def sha256(self) -> str:
        """Of what the policy says; a comment or another spacing does not change it."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    def decide(self, result: Result) -> PolicyDecision:
        """The action for a Result, and the rule that chose it."""
        for rule in self.rule:
            if all(check.holds for check in checks(rule, result)):
                return PolicyDecision(action=rule.action, rule=rule.name)
        return PolicyDecision(action=self.default, rule="default")

    def applied(self, result: Result) -> Result:
        """The Result with this policy's decision in it."""
        versions = result.versions | {"policy": f"{self.name} {self.version} {self.sha256[:12]}"}
        return msgspec.structs.replace(result, policy=self.decide(result), versions=versions)


class Check(NamedTuple):
    """One condition of a rule on one Result: what it asks for, what is there, whether it holds."""

    condition: str
    wanted: str
    found: str
    holds: bool


def checks(rule: Rule, result: Result) -> Iterator[Check]:
    """Each condition of a rule on a Result."""
    for condition in When.__struct_fields__:
        wanted = getattr(rule.when, condition)
        if wanted is None:
            continue
        if isinstance(wanted, Range):
            number = NUMBERS[condition](result)
            yield Check(condition, str(wanted), str(number), wanted.holds(number))
            continue
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        there = [str(word) for word in WORDS[condition](result) if word is not None]
        holds = any(fnmatchcase(word, value) for word in there for value in values)
        yield Check(condition, " or ".join(values), ", ".join(there) or "nothing", holds)


def load(file: Path) -> Policy:
    """A policy from its TOML file.

    Raises:
        UsageError: it cannot be read or is none; names the file and the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
        plain = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error
    try:
        policy = msgspec.convert(plain, Policy)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}:{_line_of(text, str(error))}: {error}") from error
    names = [rule.name for rule in policy.rule]
    for place, name in enumerate(names):
        if name in names[:place] or name == "default":
            line = _line_of(text, f"`$.rule[{place}].name`")
            raise UsageError(f"{file}:{line}: a second rule is called {name!r}")
    return policy


def remarks(policy: Policy) -> list[str]:
    """What is allowed in a policy and hardly meant."""
    found = []
    for place, rule in enumerate(policy.rule[:-1]):
        if rule.when == When():
            later = ", ".join(repr(each.name) for each in policy.rule[place + 1 :])
            found.append(f"rule {rule.name!r} holds for everything, so {later} never decides")
            break
    for place, rule in enumerate(policy.rule):
        for earlier in policy.rule[:place]:
            if earlier.when == rule.when != When():
                said = f"rule {rule.name!r} never decides: {earlier.name!r} has its conditions"
                found.append(said)
    return found


def _claims(result: Result, *, trusted: bool = False) -> list[str]:
    claims = result.provenance.claims if result.provenance else ()
    return [claim.kind for claim in claims if claim.trusted or not trusted]


Words = Callable[[Result], list[Any]]
WORDS: dict[str, Words] = {
    "verdict": lambda r: [r.verdict],
    "extent": lambda r: [r.extent],
    "status": lambda r: [r.status],
    "reason": lambda r: [r.reason],
    "modality": lambda r: [r.input.modality],
    "provenance": lambda r: [r.provenance.outcome if r.provenance else None],
    "media_type": lambda r: [r.input.media_type],
    "uri": lambda r: [r.input.uri],
    "warning": lambda r: list(r.warnings),
    "claim": _claims,
    "trusted_claim": lambda r: _claims(r, trusted=True),
    "evidence": lambda r: [each.supports for each in r.evidence],
    "evidence_strength": lambda r: [each.strength for each in r.evidence],
    "operating_point": lambda r: [r.detectors[0].operating_point if r.detectors else None],
}
NUMBERS: dict[str, Callable[[Result], float | None]] = {
    "score": lambda r: r.score,
    "interval_low": lambda r: r.interval[0] if r.interval else None,
    "interval_high": lambda r: r.interval[1] if r.interval else None,
    "width": lambda r: r.input.width,
    "height": lambda r: r.input.height,
    "bytes": lambda r: r.input.bytes,
    "duration_s": lambda r: r.input.duration_s,
}
PLACE = re.compile(r"`\$(.*?)`")
RULE = re.compile(r"\s*\[\[\s*rule\s*\]\]")


def _line_of(text: str, error: str) -> int:
    """The line that an error of msgspec is about, as well as its path tells."""
    found = PLACE.search(error)
    path = found[1] if found else ""
    unknown = re.search(r"unknown field `(\w+)`", error)
    keys = [*re.findall(r"\.(\w+)", path), *([unknown[1]] if unknown else [])]
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if RULE.match(line)]
    begin, end = 0, len(lines)
    if (index := re.search(r"\.rule\[(\d+)\]", path)) and int(index[1]) < len(starts):
        begin = starts[int(index[1])]
        end = next((start for start in starts if start > begin), len(lines))
    line = begin
    for key in keys:
        if key == "rule":
            continue
        named = re.compile(rf"(^|[\s{{,.\[]){re.escape(key)}\s*([=.\]]|$)")
        line = next((n for n in range(line, end) if named.search(lines[n])), line)
    return line + 1
