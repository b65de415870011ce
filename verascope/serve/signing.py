"""Signing uploads with the platform's own key, where one was configured."""

import mmap
from pathlib import Path

from verascope.media.types import sniff
from verascope.provenance.sign import Declaration, Signer, sign
from verascope.serve.config import SigningKey


def signed(key: SigningKey, upload: Path, source_type: str | None) -> tuple[bytes, str]:
    """An upload with a credential, and its media type; the file itself is signed in place.

    Args:
        key: whose signature.
        upload: the file; it is parsed in isolated workers, as everything is.
        source_type: what made it, a term of IPTC's such as trainedAlgorithmicMedia; None says
            nothing of that, only that it was published.

    Raises:
        VerascopeError: it cannot be signed.
    """
    with upload.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        media_type = sniff(data).name
    whose = Signer(
        chain=key.certificates.read_bytes(), key=key.key.read_bytes(), algorithm=key.algorithm
    )
    sign(upload, upload, media_type, whose, Declaration(source_type=source_type))
    return upload.read_bytes(), media_type
