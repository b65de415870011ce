"""A Verification as a readable tree. Names and titles come from the file and are escaped."""

from collections.abc import Iterator

from verascope.cli.escape import printable
from verascope.provenance import words
from verascope.provenance.history import MORE
from verascope.result import (
    SENTENCES,
    Claim,
    Manifest,
    Provenance,
    Signer,
    Verification,
)

RELATIONSHIPS = {
    "parentOf": "made from",
    "componentOf": "contains",
    "inputTo": "had as input",
}
# True of nearly every file; it is said once at the end instead of among the warnings.
ROUTINE = "revocation_not_checked"
WIDTH = 12


def describe(answer: Verification) -> str:
    """The whole answer for people, one trailing newline."""
    return "\n".join(printable(line) for line in _lines(answer)) + "\n"


def _lines(answer: Verification) -> Iterator[str]:
    provenance = answer.provenance
    if provenance is None:
        reason = SENTENCES[answer.reason] if answer.reason else ""
        yield f"{answer.input.uri}: {answer.status} ({answer.reason})"
        yield f"  {reason}" + (f" {answer.detail}" if answer.detail else "")
        return
    yield f"{answer.input.uri}: {provenance.outcome}"
    yield f"  {words.OUTCOMES[provenance.outcome]}"
    yield from _facts(provenance)
    yield from _claims(provenance)
    yield from _history(provenance)
    yield from _warnings(provenance)


def _facts(provenance: Provenance) -> Iterator[str]:
    if provenance.detail:
        yield _row("Why", provenance.detail)
    if provenance.remote_url:
        yield _row("Address", provenance.remote_url)
    if provenance.signer:
        known = f", on the list {', '.join(provenance.trusted_by)}" if provenance.trusted_by else ""
        yield _row("Signed by", _name(provenance.signer) + (known or ", so it says"))
    if provenance.signed_at:
        kind = "a trusted authority" if provenance.signed_at_trusted else "an unknown authority"
        yield _row("Signed at", f"{provenance.signed_at}, by the time stamp of {kind}")
    if provenance.history and provenance.history.claim_generator:
        yield _row("Written with", provenance.history.claim_generator)
    if provenance.history:
        lists = ", ".join(provenance.trust_lists) or "none"
        yield _row("Trust lists", f"{lists}; {_revocation(provenance)}")


def _revocation(provenance: Provenance) -> str:
    told = {each.code: each for each in provenance.warnings}
    if "revoked" in told:
        return "the certificate was withdrawn"
    if "not_revoked" in told:
        return "the certificate was not withdrawn, says its issuer"
    return "revocation not checked (needs --online)"


def _claims(provenance: Provenance) -> Iterator[str]:
    active = provenance.history.label if provenance.history else None
    heading = "Says"
    for claim in provenance.claims:
        if claim.manifest == active:
            yield _row(heading, words.claimed(claim))
            heading = ""


def _history(provenance: Provenance) -> Iterator[str]:
    if provenance.history is None or not provenance.history.ingredients:
        return
    yield _row("History", "this file")
    yield from _branch(provenance.history, provenance.claims, " " * (WIDTH + 3))


def _branch(node: Manifest, claims: tuple[Claim, ...], indent: str) -> Iterator[str]:
    for number, each in enumerate(node.ingredients, 1):
        last = number == len(node.ingredients)
        yield f"{indent}{'└─' if last else '├─'} {_node(each, claims)}"
        yield from _branch(each, claims, indent + ("   " if last else "│  "))


def _node(node: Manifest, claims: tuple[Claim, ...]) -> str:
    if node == MORE:
        return MORE.title or ""
    relation = RELATIONSHIPS.get(node.relationship or "", node.relationship or "with")
    title = f" “{node.title}”" if node.title else " something untitled"
    if node.label is None:
        text = f"{relation}{title}, which has no credential"
    else:
        said = dict.fromkeys(
            words.claimed(claim) for claim in claims if claim.manifest == node.label
        )
        signer = _name(node.signer) if node.signer else "an unnamed signer"
        text = f"{relation}{title}, signed by {signer}"
        text += f": {'; '.join(said)}" if said else ""
    if node.failures:
        text += f" [! {'; '.join(dict.fromkeys(map(words.failure, node.failures)))}]"
    return text


def _warnings(provenance: Provenance) -> Iterator[str]:
    for warning in provenance.warnings:
        if warning.code != ROUTINE:
            yield f"  ! {warning.statement}"


def _name(signer: Signer) -> str:
    names = [name for name in (signer.name, signer.organization) if name]
    return " / ".join(dict.fromkeys(names)) or "an unnamed signer"


def _row(heading: str, text: str) -> str:
    return f"  {heading:<{WIDTH}} {text}"
