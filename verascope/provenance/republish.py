"""Publish an upload so that its history survives: verify, transcode, sign over the original.

A platform that resizes and compresses a picture removes its credential. Here the new picture
carries a credential of the platform's own, with the original's below it, checked as it came in.
"""

import os
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from verascope.errors import InputTrouble
from verascope.media.sandbox import Sandbox
from verascope.provenance.sign import Declaration, Packed, Signer, SigningError, sign
from verascope.provenance.trust import resolve
from verascope.provenance.upload import FUNCTION, Recipe, Upload, UploadRequest
from verascope.result import SENTENCES, Provenance
from verascope.settings import Limits

JPEG = "image/jpeg"


class Republished(Struct, frozen=True):
    """What verifying said of the upload, and of the published file with no list of signers."""

    before: Provenance
    after: Provenance


def republish(
    source: Path,
    target: Path,
    signer: Signer,
    *,
    trust: tuple[str, ...] = ("official",),
    recipe: Recipe | None = None,
    software: str | None = None,
    limits: Limits | None = None,
) -> Republished:
    """Write `target`: the picture as a platform shows it, signed, with the upload as its parent.

    The upload is opened, verified and decoded in an isolated worker, never here. One whose
    credential does not validate is published as well, and its history says so.

    Args:
        source: the upload, of any picture format that can be decoded.
        target: a JPEG; appears whole and verified, or not at all.
        signer: the platform's.
        trust: lists of known signers; the history keeps what they said.
        recipe: size and quality; as DESIGN's platform if None.
        software: what transcoded it.
        limits: for reading the upload.

    Raises:
        SigningError: the upload could not be read or signed; the message says why.
        UsageError: a trust list or the signer cannot be.
    """
    resolve(trust)  # a list that does not exist is the caller's error
    upload = _read(source, trust, recipe or Recipe(), limits or Limits())
    if upload.provenance is None or upload.reason:
        sentence = SENTENCES[upload.reason] if upload.reason else ""
        raise SigningError(f"not republished: {sentence} {upload.detail or ''}")
    did = (*(("resized",) if upload.resized else ()), "transcoded", "published")
    says = Declaration(actions=did, software=software)
    past = Packed(upload.ingredient)
    try:
        with tempfile.TemporaryDirectory(prefix=".verascope-") as folder:
            picture = Path(folder) / "picture.jpg"
            picture.write_bytes(upload.picture)
            after = sign(picture, target, JPEG, signer, says, parent=past, limits=limits)
    except OSError as error:
        raise SigningError(f"not republished: {error.filename}: {error.strerror}") from error
    return Republished(upload.provenance, after)


def _read(source: Path, trust: tuple[str, ...], recipe: Recipe, limits: Limits) -> Upload:
    request = UploadRequest(path=os.fsencode(source), trust=trust, limits=limits, recipe=recipe)
    memory, timeout_s = limits.worker_memory_bytes, limits.stage_timeout_s
    try:
        with Sandbox(FUNCTION, memory_bytes=memory, timeout_s=timeout_s) as sandbox:
            (message,) = sandbox.call(msgspec.msgpack.encode(request))
    except InputTrouble as trouble:
        return Upload(reason=trouble.reason, detail=trouble.detail)
    return msgspec.msgpack.decode(message.data, type=Upload)
