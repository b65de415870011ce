"""In the parent: have a remote credential fetched by its own process, and tell what came of it."""

import msgspec

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.provenance.fetch import FUNCTION, Fetched, FetchRequest
from verascope.result import Outcome, Provenance, ProvenanceWarning
from verascope.settings import Online

MEMORY_BYTES = 1_000_000_000


def fetch(url: str, online: Online) -> Fetched:
    """Fetch an address in a process that is killed at the deadline."""
    request = msgspec.msgpack.encode(FetchRequest(url, online))
    try:
        with Sandbox(FUNCTION, memory_bytes=MEMORY_BYTES, timeout_s=online.timeout_s) as sandbox:
            (message,) = sandbox.call(request)
    except InputTrouble as trouble:
        return Fetched(refused=f"it took too long or failed ({trouble.reason})")
    return msgspec.msgpack.decode(message.data, type=Fetched)


def told(before: Provenance, after: Provenance | None, fetched: Fetched) -> Provenance:
    """What is known now, with the address and what came of asking it."""
    if fetched.data is None:
        return msgspec.structs.replace(before, detail=f"Not fetched: {fetched.refused}.")
    if after is None or after.outcome is Outcome.REMOTE_ONLY:
        return msgspec.structs.replace(before, detail="Fetched, but it could not be checked.")
    warning = ProvenanceWarning(
        code="fetched",
        statement="The credential was not in the file: it was fetched from the address that the "
        "file names. Whoever is there could see that it was asked for.",
    )
    return msgspec.structs.replace(
        after, remote_url=before.remote_url, warnings=(*after.warnings, warning)
    )
