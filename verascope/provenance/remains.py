"""What is left of a Content Credential where the library finds none.

One changed byte in a marker, a chunk's name or a box's type hides a whole manifest store from the
library, which then says the same as of a file that never had one.
"""

import io
from typing import BinaryIO

from verascope.provenance.prefilter import is_damaged

# The types of C2PA's own boxes: four letters, then what all JUMBF types of four letters end in.
# Sixteen bytes, so that neither coded pixels nor a text that speaks of C2PA are taken for one.
KINDS = frozenset({b"c2pa", b"c2ma", b"c2um", b"c2cm", b"c2as", b"c2cl", b"c2cs", b"c2vc", b"c2dv"})
TYPE_END = b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
KIND_BYTES = 4
# An archive's members are files of their own, whose credentials are not the archive's; its own has
# this name, which stands twice in it.
ARCHIVE = "application/zip"
MEMBER = b"META-INF/content_credential.c2pa"
CHUNK_BYTES = 1 << 20
MAX_FRAMED_BYTES = 64 << 20

BOXES = (
    "It holds parts of a Content Credential, but not where and as one belongs: it was damaged, or "
    "belongs to something inside the file."
)
FRAMING = "The file is damaged, so that a Content Credential in it would not be found."


def trouble(stream: BinaryIO, media_type: str) -> str | None:
    """Why a file in which the library finds no credential may have one; None if nothing speaks so.

    Args:
        stream: the file, seekable.
        media_type: what its bytes are.
    """
    marker, known = (MEMBER, None) if media_type == ARCHIVE else (TYPE_END, KINDS)
    if _holds(stream, marker, known):
        return BOXES
    return FRAMING if _is_damaged(stream) else None


def _holds(stream: BinaryIO, marker: bytes, known: frozenset[bytes] | None) -> bool:
    """Whether the marker stands anywhere in the file, after one of the known letters."""
    stream.seek(0)
    before = b""
    while chunk := stream.read(CHUNK_BYTES):
        data = before + chunk
        at = data.find(marker)
        while at >= 0:
            if known is None or data[max(0, at - KIND_BYTES) : at] in known:
                return True
            at = data.find(marker, at + 1)
        before = data[-(KIND_BYTES + len(marker) - 1) :]
    return False


def _is_damaged(stream: BinaryIO) -> bool:
    if stream.seek(0, io.SEEK_END) > MAX_FRAMED_BYTES:
        return False
    stream.seek(0)
    return is_damaged(stream.read())
