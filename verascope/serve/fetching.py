"""Fetching what a platform names by its address: only from hosts that were allowed by name.

The client is that of remote credentials (provenance/fetch.py): a process of its own under a
deadline, every redirect and every address that a host resolves to looked at before it is asked,
private ones refused.
"""

import msgspec

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.provenance.fetch import MEDIA, Fetched, FetchRequest
from verascope.serve.problems import ProblemError
from verascope.settings import Online

MEMORY_BYTES = 1_500_000_000


def fetch(url: str, online: Online) -> bytes:
    """What is at an address.

    Args:
        url: http or https.
        online: the hosts that may be asked, at least one, and the limits.

    Raises:
        ProblemError: 422, it may not be asked, did not answer, or its answer is too big.
    """
    request = msgspec.msgpack.encode(FetchRequest(url, online))
    data, refused = b"", "it took too long or failed"
    try:
        with Sandbox(MEDIA, memory_bytes=MEMORY_BYTES, timeout_s=online.timeout_s) as sandbox:
            for message in sandbox.call(request):
                refused = msgspec.msgpack.decode(message.data, type=Fetched).refused or ""
                data = message.arrays[0].tobytes() if message.arrays else b""
    except InputTrouble as trouble:
        refused = f"{refused} ({trouble.reason})"
    if refused:
        raise ProblemError(422, f"the address was not fetched: {refused}")
    return data
