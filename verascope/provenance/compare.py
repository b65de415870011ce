"""Two versions of a file: what the second lost of the first one's origin."""

from msgspec import Struct

from verascope.result import Manifest, Outcome, Provenance, Result

INTACT = (Outcome.TRUSTED, Outcome.VALID_UNTRUSTED)
ATTACHED = (*INTACT, Outcome.REMOTE_ONLY)


class Loss(Struct, frozen=True):
    """Something that was there before and is not any more.

    `code` is stripped, broken, trust_lost, history_lost, claim_lost or mark_lost.
    """

    code: str
    statement: str


def losses(before: Result, after: Result) -> list[Loss]:
    """What a pipeline took away between two versions of one file."""
    return [*_credential(before.provenance, after.provenance), *_marks(before, after)]


def _credential(before: Provenance | None, after: Provenance | None) -> list[Loss]:
    if before is None or before.outcome not in ATTACHED:
        return []
    outcome = Outcome.NONE if after is None else after.outcome
    if after is None or outcome in (Outcome.NONE, Outcome.UNSUPPORTED):
        return [Loss("stripped", f"the Content Credential ({before.outcome}) is gone")]
    if outcome in (Outcome.INVALID, Outcome.UNREADABLE):
        return [Loss("broken", f"the Content Credential was {before.outcome} and is {outcome}")]
    found = []
    if before.outcome is Outcome.TRUSTED and outcome is not Outcome.TRUSTED:
        found.append(Loss("trust_lost", f"the credential was trusted and is {outcome}"))
    label = before.history.label if before.history else None
    if label is not None and after.history is not None and label not in _labels(after.history):
        found.append(Loss("history_lost", "the new credential does not name the old one"))
    told = {(claim.kind, claim.source_type) for claim in after.claims}
    found += [
        Loss("claim_lost", f"no longer said: {claim.statement}")
        for claim in before.claims
        if (claim.kind, claim.source_type) not in told
    ]
    return found


def _labels(node: Manifest) -> set[str | None]:
    """Of a credential and of everything that went into it."""
    return {node.label}.union(*(_labels(each) for each in node.ingredients))


def _marks(before: Result, after: Result) -> list[Loss]:
    """Unsigned declarations, by kind and by what they declare."""
    left = {_declared(each.details) for each in after.evidence if each.kind == "mark"}
    return [
        Loss("mark_lost", f"no longer there: {each.statement}")
        for each in before.evidence
        if each.kind == "mark" and _declared(each.details) not in left
    ]


def _declared(details: dict[str, object]) -> tuple[object, object]:
    return details.get("mark"), details.get("declared")
