"""What the library's codes for a credential add up to: one of three outcomes, and why.

Its state alone calls an expired certificate and a changed picture by the same word, and trusts who
is listed for time stamps only.
"""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from verascope.provenance.library import load
from verascope.provenance.report import Report, parse
from verascope.provenance.signature import read_leaf, signing_chain
from verascope.provenance.trust import Contexts, Decision
from verascope.result import Outcome, ProvenanceWarning

MAX_DECISIONS = 4_096

# Failures that say nothing against the bytes: nobody knows the signer, or no longer.
ABOUT_SIGNER = frozenset({"signingCredential.untrusted", "signingCredential.expired"})
KNOWN_SIGNER = "signingCredential.trusted"
NOT_FOR_SIGNING = ProvenanceWarning(
    code="not_a_signing_certificate",
    statement="A listed authority issued the signer's certificate, but not for signing media.",
)
ONLY_TIME_STAMPS = ProvenanceWarning(
    code="time_stamp_authority_only",
    statement="The signer's certificate comes from an authority that is listed for time stamps "
    "only, not for signing media.",
)
EXPIRED = ProvenanceWarning(
    code="expired_without_known_time",
    statement="The signer's certificate has expired since, and no known authority vouches that "
    "the signature is older than that: whoever holds the old key could have made it today.",
)
UNDECIDED = ProvenanceWarning(
    code="certificate_not_read",
    statement="The signer's certificate could not be read from the credential, so it is not known "
    "whether it may be trusted.",
)


class Answer(NamedTuple):
    """What the library says of a file, and the manifest store where the signer is known.

    `reopen` gives a Reader of the same file with another context.
    """

    report: Report
    store: bytes
    remote_url: str | None
    reopen: Callable[[Any], Any]


class Judgement(NamedTuple):
    """The outcome, the lists that know the signer, and what is to be said of it."""

    outcome: Outcome
    trusted_by: tuple[str, ...] = ()
    warnings: tuple[ProvenanceWarning, ...] = ()


def judge(answer: Answer, known: Contexts) -> Judgement:
    """The outcome, from the codes: does it hold, and is its signer known for signing?"""
    report = answer.report
    failures = {code.code for code in report.results.failures()}
    if failures - ABOUT_SIGNER:
        return Judgement(Outcome.INVALID)
    if not report.codes.success:
        return Judgement(Outcome.UNREADABLE)  # nothing was checked
    if not report.says(KNOWN_SIGNER) or any(report.says(code) for code in ABOUT_SIGNER):
        return Judgement(Outcome.VALID_UNTRUSTED)
    if report.validation_state != "Trusted" and not report.has_excuse:
        return Judgement(Outcome.VALID_UNTRUSTED)
    return _judge_chain(answer, known)


def _judge_chain(answer: Answer, known: Contexts) -> Judgement:
    """The library knows the signer. Is it known as a signer, or as a time-stamp authority?"""
    decision = _decide(answer, known)
    info = answer.report.active.signature_info
    if decision is None or info is None or decision.serial_number != info.cert_serial_number:
        return Judgement(Outcome.VALID_UNTRUSTED, warnings=(UNDECIDED,))
    if not decision.may_sign:
        return Judgement(Outcome.VALID_UNTRUSTED, warnings=(NOT_FOR_SIGNING,))
    if not decision.known_to:
        return Judgement(Outcome.VALID_UNTRUSTED, warnings=(ONLY_TIME_STAMPS,))
    if decision.valid_until > datetime.now(UTC) or time_is_trusted(answer.report):
        return Judgement(Outcome.TRUSTED, trusted_by=decision.known_to)
    lenient = tuple(name for name in decision.known_to if name not in known.time_matters)
    outcome = Outcome.TRUSTED if lenient else Outcome.VALID_UNTRUSTED
    return Judgement(outcome, trusted_by=lenient, warnings=(EXPIRED,))


def time_is_trusted(report: Report) -> bool:
    """Whether a listed authority stamped the time.

    In manifests of the first version the library takes any authority; its explanation tells.
    """
    return any(
        code.code == "timeStamp.trusted" and (code.explanation or "").startswith("timestamp cert")
        for code in report.codes.success
    )


def _decide(answer: Answer, known: Contexts) -> Decision | None:
    """The decision on a chain, made once a process: each list is asked about the store alone."""
    chain = signing_chain(answer.store, answer.report.active_manifest or "")
    if chain in known.decisions:
        return known.decisions[chain]
    leaf = read_leaf(chain[0]) if chain else None
    if leaf is None:
        return None
    try:
        lists = tuple(name for name, each in known.by_list.items() if _knows(answer, each))
    except load().C2paError:  # the store alone cannot be read
        return None
    if len(known.decisions) >= MAX_DECISIONS:
        known.decisions.clear()
    known.decisions[chain] = Decision(leaf.serial_number, leaf.may_sign, leaf.valid_until, lists)
    return known.decisions[chain]


def _knows(answer: Answer, context: Any) -> bool:
    """Whether a context knows the signer; the media is not needed for it, but in ZIP archives."""
    c2pa = load()
    try:
        reader = c2pa.Reader("application/c2pa", io.BytesIO(answer.store), None, context)
    except c2pa.C2paError.NotSupported:
        reader = answer.reopen(context)
    with reader:
        return parse(reader.json()).says(KNOWN_SIGNER)
