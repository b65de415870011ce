"""`verascope policy`: check a policy, explain what it decides, replay it over old results."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from verascope.cli.escape import printable

if TYPE_CHECKING:
    from verascope.policy import Policy
    from verascope.result import Result

FILE = click.Path(dir_okay=False, path_type=Path)
RESULTS = click.argument("results", type=click.Path(exists=True, path_type=Path), metavar="RESULTS")
POLICY = click.argument("policy_file", type=FILE, metavar="POLICY")


@click.group()
def policy() -> None:
    """Rules that turn Results into actions: allow, label, review, limit, block.

    \b
      verascope policy check rules.toml               is it a policy, and is it meant?
      verascope scan --policy rules.toml photos/      each Result with its action
      verascope policy explain rules.toml r.jsonl     which rule decides, and why
      verascope policy replay rules.toml r.jsonl      what would change in old results

    RESULTS is a file of JSON Lines, or the folder of a run. docs/policies.md has every condition.
    """


@policy.command()
@POLICY
def check(policy_file: Path) -> None:
    """Say whether POLICY is one; an error names its file and line (exit code 64)."""
    from verascope.policy import load, remarks

    found = load(policy_file)
    for rule in found.rule:
        click.echo(f"{rule.action:<7} {printable(rule.name)}")
    click.echo(f"{found.default:<7} everything else")
    for remark in remarks(found):
        click.echo(f"remark: {printable(remark)}", err=True)


@policy.command()
@POLICY
@RESULTS
@click.option("--uri", help="Only the Result of this input.")
def explain(policy_file: Path, results: Path, uri: str | None) -> None:
    """Say for each Result which rule of POLICY decides, and why no earlier one does."""
    from verascope.policy import load

    rules = load(policy_file)
    for result in _read(results):
        if uri is None or result.input.uri == uri:
            for line in _explained(rules, result):
                click.echo(printable(line))


@policy.command()
@POLICY
@RESULTS
@click.option("--list", "listed", is_flag=True, help="Name every input whose action changes.")
def replay(policy_file: Path, results: Path, listed: bool) -> int:
    """Decide old Results again by POLICY; say how many actions would change.

    Nothing is scanned or written. Where a Result has no action yet, "none" stands for it. Exit
    code 1 where something would change.
    """
    from verascope.policy import load

    rules = load(policy_file)
    changes: Counter[tuple[str, str]] = Counter()
    total = changed = 0
    for result in _read(results):
        before = result.policy.action if result.policy else "none"
        decision = rules.decide(result)
        total += 1
        changes[before, decision.action] += 1
        if before != decision.action:
            changed += 1
            if listed:
                name = printable(result.input.uri)
                click.echo(f"{before} → {decision.action}  {name}  [{printable(decision.rule)}]")
    for (before, after), number in changes.most_common():
        click.echo(f"{number:>9,}  {before} → {after}{'' if before != after else '  (as before)'}")
    click.echo(f"{changed:,} of {total:,} actions would change", err=True)
    return int(changed > 0)


def _explained(rules: "Policy", result: "Result") -> Iterator[str]:
    from verascope.policy import checks

    decision = rules.decide(result)
    yield f"{decision.action:<7} {result.input.uri}"
    for rule in rules.rule:
        asked = list(checks(rule, result))
        failed = next((each for each in asked if not each.holds), None)
        if failed is None:
            why = "; ".join(f"{c.condition} is {c.found}" for c in asked) or "it has no condition"
            yield f"  decided by {rule.name!r}: {why}"
            return
        yield f"  not {rule.name!r}: {failed.condition} is {failed.found}, not {failed.wanted}"
    yield "  decided by the default"


def _read(results: Path) -> "Iterator[Result]":
    from verascope.scan.results import read_results

    return read_results(results)
