"""Sign a file: say how it was made and keep what it was made from.

The library opens its target first and leaves half a file where it fails; here the target appears
whole, verified, or not at all, and may be the source itself.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from msgspec import Struct

from verascope.errors import ExitCode, InputTrouble, UsageError, VerascopeError
from verascope.provenance.declaration import Action, Declaration, check, manifest
from verascope.provenance.examine import Examined
from verascope.provenance.examiner import Examiner
from verascope.provenance.library import load
from verascope.provenance.trust import resolve
from verascope.provenance.writing import same_file, write_whole
from verascope.result import SENTENCES, Outcome, Provenance
from verascope.settings import Limits

# Everything that a caller of `sign` needs has its door here.
__all__ = [
    "EMBEDDED",
    "Action",
    "Callback",
    "Declaration",
    "Packed",
    "Parent",
    "Placement",
    "Signer",
    "SigningError",
    "sign",
]
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
SOUND = frozenset({Outcome.NONE, Outcome.VALID_UNTRUSTED, Outcome.TRUSTED, Outcome.REMOTE_ONLY})
# Sign some bytes with a key that we never see: raw r‖s or DER, whichever the key store gives.
Callback = Callable[[bytes], bytes]


class SigningError(VerascopeError):
    """A file could not be signed; its target is as it was."""

    exit_code = ExitCode.INCOMPLETE


class Signer(Struct, frozen=True, kw_only=True):
    """Whose signature it is: the certificates (PEM, leaf first), and the key or who holds it.

    Attributes:
        chain: leaf and intermediates.
        key: private key, PKCS#8 PEM; or None with a `callback`.
        callback: signs for a key that stays where it is.
        algorithm: one of ALGORITHMS.
        time_stamp_url: authority to ask for a time stamp; the one use of the network here.
    """

    chain: bytes
    key: bytes | None = None
    callback: Callback | None = None
    algorithm: str = "es256"
    time_stamp_url: str | None = None


class Parent(NamedTuple):
    """The file that another was made from, and what its bytes are."""

    path: Path
    media_type: str


class Packed(NamedTuple):
    """A parent that was taken in elsewhere, as an archive of the library; see upload.py."""

    archive: bytes


class Placement(Struct, frozen=True, kw_only=True):
    """Where the credential goes: into the file, unless `sidecar` names a file beside it.

    `remote_url` writes into the file where a copy of the credential will be found.
    """

    sidecar: Path | None = None
    remote_url: str | None = None


EMBEDDED = Placement()


def sign(
    source: Path,
    target: Path,
    media_type: str,
    signer: Signer,
    declaration: Declaration,
    *,
    parent: Parent | Packed | None = None,
    placement: Placement = EMBEDDED,
    trust: tuple[str, ...] = ("official",),
    limits: Limits | None = None,
    own: bool = False,
) -> Provenance:
    """Write `target`, which is `source` with a credential; both may be the same file.

    The source, its parent and the result are verified and decoded in an isolated worker.

    Args:
        source: the file as it is now.
        target: where the signed file goes; replaced only when all went well.
        media_type: what the bytes of source are.
        signer: whose signature.
        declaration: what it says.
        parent: what source was made from, where that is another file; else an edited file is its
            own parent.
        placement: where the credential goes.
        trust: lists of known signers; the history keeps what they said of the parent.
        limits: for reading source and parent.
        own: this process made the source itself a moment ago: no worker is needed for it.

    Returns:
        What verifying the new file said, with no list of known signers.

    Raises:
        UsageError: the declaration, the signer or a trust list cannot be.
        SigningError: the source is damaged or its credential broken, the library refused, the
            target cannot be written, or the result does not validate.
    """
    check(declaration)
    _fits(declaration, signer, parent)
    _refuse_overwriting(source, target, parent, placement.sidecar)
    resolve(trust)  # a list that does not exist is the caller's error
    target = Path(os.path.realpath(target))  # a symbolic link stays one
    with Examiner(limits or Limits(), own=own) as examiner:
        try:
            past = _past(examiner, source, media_type, declaration, parent, trust)
            with tempfile.TemporaryDirectory(prefix=".verascope-", dir=target.parent) as folder:
                made = Path(folder) / "signed"
                with examiner.opened(source) as before:
                    how = (signer, declaration, past, placement)
                    store = _build(before, made, media_type, *how)
                answer = _verified(examiner, made, media_type, store if placement.sidecar else None)
                if placement.sidecar is not None:
                    write_whole(placement.sidecar, store)
                _replace(made, target, source)
        except load().C2paError as error:
            raise SigningError(f"not signed: {error}") from error
        except InputTrouble as trouble:
            raise SigningError(
                f"not signed: {SENTENCES[trouble.reason]} {trouble.detail}"
            ) from trouble
        except OSError as error:
            raise SigningError(f"not signed: cannot write {target}: {error.strerror}") from error
    return answer


def _past(
    examiner: Examiner,
    source: Path,
    media_type: str,
    declaration: Declaration,
    parent: Parent | Packed | None,
    trust: tuple[str, ...],
) -> bytes | None:
    """The parent of an edited file, packed; None for what has none. Damaged files are refused."""
    keeps = declaration.source_type is None and not declaration.update
    found = examiner.ask(
        source, media_type, trust, title=source.name if keeps and parent is None else None
    )
    _refuse_damaged(source, found, SOUND)
    if not keeps:
        return None
    if isinstance(parent, Packed):
        return parent.archive
    if parent is not None:
        found = examiner.ask(parent.path, parent.media_type, trust, title=parent.path.name)
        _refuse_damaged(parent.path, found, SOUND | {Outcome.INVALID})  # its history will say so
    return found.ingredient


def _refuse_damaged(path: Path, found: Examined, sound: Set[Outcome]) -> None:
    assert found.provenance is not None
    outcome = found.provenance.outcome
    if found.damage or outcome not in sound:
        raise SigningError(
            f"{path.name} is damaged ({found.damage or outcome}); nothing was signed"
        )


def _fits(declaration: Declaration, signer: Signer, parent: Parent | Packed | None) -> None:
    """Refuse what does not go together, and a key that cannot sign."""
    if signer.algorithm not in ALGORITHMS:
        raise UsageError(f"unknown algorithm {signer.algorithm}: use {', '.join(ALGORITHMS)}")
    if (signer.key is None) == (signer.callback is None):
        raise UsageError("a signer has either a key or a callback")
    if parent is not None and (declaration.update or declaration.source_type is not None):
        kind = "an update" if declaration.update else "what was created"
        raise UsageError(f"{kind} has no other file as its parent: leave one of the two out")


def _refuse_overwriting(
    source: Path, target: Path, parent: Parent | Packed | None, sidecar: Path | None
) -> None:
    if sidecar is None:
        return
    others = {"source": source, "target": target}
    if isinstance(parent, Parent):
        others["parent"] = parent.path
    for name, path in others.items():
        if same_file(sidecar, path):
            raise UsageError(f"the sidecar {sidecar} is the {name}: name another file for it")


def _build(
    source: BinaryIO,
    made: Path,
    media_type: str,
    signer: Signer,
    declaration: Declaration,
    past: bytes | None,
    placement: Placement,
) -> bytes:
    """Write the signed file; returns the manifest store."""
    c2pa = load()
    says = json.dumps(manifest(declaration))
    with c2pa.Builder(says, context=_context(c2pa, declaration)) as builder:
        if past is not None:
            builder.add_ingredient_from_archive(io.BytesIO(past))
        if declaration.update:
            builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)  # takes the source as its parent
        if placement.remote_url is not None:
            builder.set_remote_url(placement.remote_url)
        if placement.sidecar is not None:
            builder.set_no_embed()
        with made.open("w+b") as after:
            store = builder.sign(_library_signer(c2pa, signer), media_type, source, after)
            _flush(after)
        return bytes(store)


def _context(c2pa: Any, declaration: Declaration) -> Any:
    """What is signed is verified by us afterwards, so the library need not do so as well."""
    return c2pa.Context.from_dict(
        {
            "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
            "core": {"decode_identity_assertions": False},
            "builder": {"thumbnail": {"enabled": declaration.thumbnail}},
        }
    )


def _library_signer(c2pa: Any, signer: Signer) -> Any:
    url = signer.time_stamp_url
    if signer.callback is not None:
        algorithm = getattr(c2pa.C2paSigningAlg, signer.algorithm.upper())
        return c2pa.Signer.from_callback(signer.callback, algorithm, signer.chain.decode(), url)
    info = c2pa.C2paSignerInfo(
        signer.algorithm.encode(), signer.chain, signer.key, url.encode() if url else None
    )
    return c2pa.Signer.from_info(info)


def _verified(examiner: Examiner, made: Path, media_type: str, sidecar: bytes | None) -> Provenance:
    answer = examiner.ask(made, media_type, ("none",), whole=False, sidecar=sidecar).provenance
    assert answer is not None
    if answer.outcome is not Outcome.VALID_UNTRUSTED:
        reason = answer.detail or "; ".join(answer.failures)
        raise SigningError(f"the signed file would not validate ({answer.outcome}): {reason}")
    return answer


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _replace(made: Path, target: Path, source: Path) -> None:
    """Put the new file in its place, with the permissions of the one it comes from."""
    made.chmod(source.stat().st_mode & 0o777)
    made.replace(target)
