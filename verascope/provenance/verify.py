"""One file's Content Credential: which of seven outcomes, who signed, what is claimed.

Runs inside an isolated worker. Nothing but the given stream is read, and no network is used.
The library does the cryptography; what its answers mean is decided here, by its codes rather than
by its state alone, which calls an expired certificate and a changed picture by the same word.
"""

import io
import re
from typing import Any, BinaryIO, NamedTuple

import msgspec

from verascope.provenance import words
from verascope.provenance.cautions import cautions
from verascope.provenance.claims import claims
from verascope.provenance.history import cut, ingredient_failures, named, tree, visits
from verascope.provenance.judge import ABOUT_SIGNER, KNOWN_SIGNER, Answer, Judgement, judge
from verascope.provenance.library import load
from verascope.provenance.prefilter import may_carry_credential
from verascope.provenance.report import Report, parse
from verascope.provenance.trust import Contexts, contexts, resolve
from verascope.result import Outcome, Provenance

# A file up to this size is read at once: the prefilter wants it whole, and the library asks for
# it in thousands of small reads.
MAX_READ_BYTES = 64 << 20
# What holds a manifest and no media, or no media that can hold one.
SIDECAR_TYPES = frozenset({"application/c2pa", "application/x-c2pa-manifest-store"})
URL = re.compile(r"https?://\S+")


class _Source(NamedTuple):
    """What is to be checked."""

    stream: BinaryIO
    media_type: str
    sidecar: bytes | None


def verify(
    stream: BinaryIO,
    media_type: str,
    trust: tuple[str, ...],
    *,
    sidecar: bytes | None = None,
) -> Provenance:
    """Check the credential in a file.

    Args:
        stream: the file, seekable.
        media_type: what its bytes are, as MIME type.
        trust: names of trust lists, see trust.resolve.
        sidecar: a manifest store that came beside the file, to check instead of its own.

    Returns:
        The outcome and all that explains it; `outcome` is never `none` because something failed.

    Raises:
        UsageError: a trust list does not exist or cannot be read.
    """
    names = tuple(each.name for each in resolve(trust))
    source = _Source(stream, media_type, sidecar)
    found = _without_library(source)
    if found is None:
        found = _with_library(source, contexts(trust))
    return msgspec.structs.replace(found, trust_lists=names)


def _without_library(source: _Source) -> Provenance | None:
    """What can be said at once: no bytes, a type that holds no credential, no trace of one."""
    stream, media_type, sidecar = source
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size == 0:
        return Provenance(outcome=Outcome.NONE, detail="The file has no bytes.")
    if media_type.startswith("text/"):
        return Provenance(outcome=Outcome.UNSUPPORTED, detail="Text is not read yet.")
    if media_type in SIDECAR_TYPES:
        return Provenance(
            outcome=Outcome.UNSUPPORTED, detail="A credential alone, without the file it is for."
        )
    if sidecar is None and size <= MAX_READ_BYTES and media_type.startswith("image/"):
        data = stream.read()
        stream.seek(0)
        if not may_carry_credential(data):
            return Provenance(outcome=Outcome.NONE)
    return None


def _with_library(source: _Source, known: Contexts) -> Provenance:
    c2pa = load()
    try:
        answer = _ask(c2pa, source, known.everything)
        judgement = judge(answer, known)
    except c2pa.C2paError as error:
        return _from_error(c2pa, error)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Provenance(outcome=Outcome.UNREADABLE, detail=f"The library's answer: {error}")
    return _explain(answer, judgement, source.media_type)


def _ask(c2pa: Any, source: _Source, context: Any) -> Answer:
    source.stream.seek(0)
    with c2pa.Reader(source.media_type, source.stream, source.sidecar, context) as reader:
        report = parse(reader.json())
        label = report.active_manifest
        store = _store(reader, label) if label and report.says(KNOWN_SIGNER) else b""
        return Answer(report, store, reader.get_remote_url())


def _store(reader: Any, label: str) -> bytes:
    """The whole manifest store: asked for one box, the library writes all of them. Else empty."""
    buffer = io.BytesIO()
    try:
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", buffer)
    except load().C2paError:
        return b""
    return buffer.getvalue()


def _from_error(c2pa: Any, error: Exception) -> Provenance:
    """The outcome where the library gives no report, only an exception."""
    message = str(error)
    detail = cut(message)
    if isinstance(error, c2pa.C2paError.ManifestNotFound):
        return Provenance(outcome=Outcome.NONE)
    if isinstance(error, c2pa.C2paError.NotSupported):
        return Provenance(outcome=Outcome.UNSUPPORTED, detail=detail)
    if isinstance(error, c2pa.C2paError.Verify):
        return Provenance(outcome=Outcome.INVALID, detail=detail)
    if message.startswith("Remote:"):
        url = URL.search(message)
        return Provenance(outcome=Outcome.REMOTE_ONLY, remote_url=cut(url[0]) if url else None)
    return Provenance(outcome=Outcome.UNREADABLE, detail=detail)


def _explain(answer: Answer, judgement: Judgement, media_type: str) -> Provenance:
    """All that the report tells, for people and for the verdict."""
    report, outcome = answer.report, judgement.outcome
    trusted = outcome is Outcome.TRUSTED
    below = ingredient_failures(report)
    signer = named(report.active, trusted=trusted)
    return Provenance(
        outcome=outcome,
        detail=_detail(report, outcome),
        trusted_by=judgement.trusted_by,
        signer=signer,
        signed_at=report.active.signature_info.time if report.active.signature_info else None,
        signed_at_trusted=outcome is not Outcome.INVALID and _time_is_trusted(report),
        claims=claims(visits(report), below, trusted=trusted),
        warnings=judgement.warnings + cautions(report, outcome, below, media_type),
        failures=tuple(dict.fromkeys(code.code for code in report.results.failures())),
        history=tree(report, below, signer),
        remote_url=cut(answer.remote_url),
    )


def _detail(report: Report, outcome: Outcome) -> str | None:
    """What failed, in our words and the library's."""
    if outcome is not Outcome.INVALID:
        return None
    for code in report.results.failures():
        if code.code not in ABOUT_SIGNER:
            said = f" ({cut(code.explanation)})" if code.explanation else ""
            return f"{words.failure(code.code)}{said}"
    return None


def _time_is_trusted(report: Report) -> bool:
    """Whether a listed authority stamped the time.

    In manifests of the first version the library takes any authority; its explanation tells.
    """
    return any(
        code.code == "timeStamp.trusted" and (code.explanation or "").startswith("timestamp cert")
        for code in report.codes.success
    )
