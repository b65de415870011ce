"""What the c2pa library says of a file, and what that means.

The library does the cryptography; what its answers mean is decided here, by its codes rather than
by its state alone, which calls an expired certificate and a changed picture by the same word.
"""

import io
import re
from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec

from verascope.provenance import words
from verascope.provenance.cautions import cautions
from verascope.provenance.claims import claims
from verascope.provenance.history import cut, ingredient_failures, named, tree, visits
from verascope.provenance.judge import (
    ABOUT_SIGNER,
    KNOWN_SIGNER,
    Answer,
    Judgement,
    judge,
    time_is_trusted,
)
from verascope.provenance.library import load
from verascope.provenance.prefilter import JUMBF
from verascope.provenance.remains import trouble
from verascope.provenance.report import Report, parse
from verascope.provenance.trust import Contexts
from verascope.result import Outcome, Provenance

# By its bytes a document is a ZIP archive; the library reads all of them alike, under their names.
LIBRARY_TYPES = {"application/zip": "application/epub+zip"}
NO_STORE = "What lies beside the file is no credential."
URL = re.compile(r"https?://\S+", re.IGNORECASE)


def ask(stream: BinaryIO, media_type: str, sidecar: bytes | None, known: Contexts) -> Provenance:
    """The answer for a file that may carry a credential, or for one beside it."""
    if sidecar is not None and sidecar[4:8] != JUMBF:
        return Provenance(outcome=Outcome.UNREADABLE, detail=NO_STORE)
    c2pa = load()

    def reopen(context: Any) -> Any:
        stream.seek(0)
        return c2pa.Reader(LIBRARY_TYPES.get(media_type, media_type), stream, sidecar, context)

    try:
        with reopen(known.everything) as reader:
            answer = _read(reader, reopen)
        judgement = judge(answer, known)
    except c2pa.C2paError.ManifestNotFound:
        return _without_manifest(stream, media_type)
    except c2pa.C2paError as error:
        return _from_error(c2pa, error)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Provenance(outcome=Outcome.UNREADABLE, detail=f"The library's answer: {error}")
    return _explain(answer, judgement, media_type)


def _read(reader: Any, reopen: Callable[[Any], Any]) -> Answer:
    report = parse(reader.json())
    label = report.active_manifest
    store = _store(reader, label) if label and report.says(KNOWN_SIGNER) else b""
    return Answer(report, store, reader.get_remote_url(), reopen)


def _store(reader: Any, label: str) -> bytes:
    """The whole manifest store: asked for one box, the library writes all of them. Else empty."""
    buffer = io.BytesIO()
    try:
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", buffer)
    except load().C2paError:
        return b""
    return buffer.getvalue()


def _without_manifest(stream: BinaryIO, media_type: str) -> Provenance:
    """None, unless something speaks for one that the library could not see."""
    why = trouble(stream, media_type)
    if why is None:
        return Provenance(outcome=Outcome.NONE)
    return Provenance(outcome=Outcome.UNREADABLE, detail=why)


def _from_error(c2pa: Any, error: Exception) -> Provenance:
    """The outcome where the library gives no report, only an exception."""
    message = str(error)
    detail = cut(message)
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
        signed_at_trusted=outcome is not Outcome.INVALID and time_is_trusted(report),
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
