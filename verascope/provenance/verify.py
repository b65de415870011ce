"""One file's Content Credential: which of seven outcomes, who signed, what is claimed.

Runs inside an isolated worker. Nothing but the given stream is read, and no network is used. Most
files carry no credential: that is told here, and only for the others is the library loaded, with
all that explains its answers.
"""

import io
from typing import BinaryIO, NamedTuple

import msgspec

from verascope.provenance.prefilter import may_carry_credential
from verascope.provenance.trust import contexts, resolve
from verascope.result import Outcome, Provenance

# A file up to this size is read at once: the prefilter wants it whole, and the library asks for
# it in thousands of small reads.
MAX_READ_BYTES = 64 << 20
# What holds a manifest and no media, or no media that can hold one.
SIDECAR_TYPES = frozenset({"application/c2pa", "application/x-c2pa-manifest-store"})


class Source(NamedTuple):
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
    source = Source(stream, media_type, sidecar)
    found = _without_library(source)
    if found is None:
        from verascope.provenance.answer import ask

        found = ask(source.stream, source.media_type, source.sidecar, contexts(trust))
    return msgspec.structs.replace(found, trust_lists=names)


def _without_library(source: Source) -> Provenance | None:
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
