"""Every made file says what it is: a C2PA credential, signed by a chain in the user's cache.

The chain is that of `verascope cert dev`: trusted by nobody, enough to keep a corpus's files from
passing as captured ones once they leave it. It is made once, its key readable to its user alone.
"""

import hashlib
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from verascope.generate.contract import Generator, Transformer
from verascope.generate.fixed import Fixed
from verascope.generate.run import write_atomically, write_json
from verascope.generate.splice import Splice
from verascope.provenance.certificates import dev_chain
from verascope.provenance.declaration import SOURCE_TYPE, Action, Declaration
from verascope.provenance.library import load
from verascope.provenance.sign import Parent, Signer, sign

NAME = "Verascope generate"
UNTRAINED = frozenset({"formant"})  # families of Samplers that work by rule alone
DAYS = 3650  # without a time stamp a signature holds only as long as its certificate
MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
}


def cached_signer(folder: Path | None = None) -> Signer:
    """The chain that signs all that this user makes; made when it is first asked for.

    Args:
        folder: where it lies; `verascope/generate-signer` in the user's cache if None.
    """
    folder = folder or _cache() / "verascope" / "generate-signer"
    if not _usable(folder):
        _create(folder)
    load()  # here, because two threads must not load the library at once
    return Signer(chain=(folder / "chain.pem").read_bytes(), key=(folder / "key.pem").read_bytes())


def source_type(generator: Generator) -> str:
    """How its output was made, last word of an IPTC term.

    Where nothing was ever trained it is an algorithm's, or, of a splice, a composite. Else what a
    Transformer makes shows what its original shows, so it is a composite with a model's part; what
    a Sampler makes is the model's alone.
    """
    if isinstance(generator, Splice):
        return "composite"
    if generator.family in UNTRAINED or isinstance(generator, Fixed):
        return "algorithmicMedia"
    if isinstance(generator, Transformer):
        return "compositeWithTrainedAlgorithmicMedia"
    return "trainedAlgorithmicMedia"


def sign_made(
    source: Path,
    target: Path,
    signer: Signer,
    generator: Generator,
    original: Path | None = None,
) -> None:
    """Write `target`, which is `source` with a credential; no thumbnail.

    The library cannot sign Ogg files: those stay as they are, and a JSON file beside them says what
    they are, unsigned.

    With the `original` that a Transformer was shown, that is its parent, so that the history is
    told: an edit by a model, of this picture.

    Raises:
        SigningError: the library refused; target is as it was.
    """
    term, software = source_type(generator), f"Verascope {generator.name}"
    if target.suffix not in MEDIA_TYPES:
        _say_beside(source, target, term, software)
        return
    if original is None:
        says = Declaration(source_type=term, title=target.name, software=software)
        parent = None
    else:
        says = Declaration(actions=(Action("edited", term),), title=target.name, software=software)
        parent = Parent(original, MEDIA_TYPES[original.suffix])
    sign(source, target, MEDIA_TYPES[target.suffix], signer, says, parent=parent, own=True)


def _say_beside(source: Path, target: Path, term: str, software: str) -> None:
    """Write `target` as it is, and after it `target`.json with its hash and how it was made."""
    content = source.read_bytes()
    says = {
        "file": target.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "digitalSourceType": SOURCE_TYPE.format(term),
        "softwareAgent": software,
        "signed": False,
    }
    write_atomically(target, content)
    write_json(target.with_name(f"{target.name}.json"), says)


def describe(signer: Signer) -> dict[str, Any]:
    """Who signed, for corpus.json."""
    leaf = x509.load_pem_x509_certificate(signer.chain)
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return {
        "by": str(names[0].value),
        "certificate_sha256": leaf.fingerprint(hashes.SHA256()).hex(),
    }


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _usable(folder: Path) -> bool:
    """Whether a chain lies there that holds for another day; an expired one is set aside."""
    chain = folder / "chain.pem"
    if not chain.is_file():
        return False
    ends = x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc
    if ends > datetime.now(UTC) + timedelta(days=1):
        return True
    folder.rename(folder.with_name(f"{folder.name}-until-{ends:%Y%m%d}"))
    return False


def _create(folder: Path) -> None:
    """Make the chain beside its place and move it there whole; the first of two processes wins."""
    made = dev_chain(NAME, DAYS)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=".signer-", dir=folder.parent, ignore_cleanup_errors=True
    ) as place:
        for name, content, mode in (
            ("key.pem", made.key, 0o600),
            ("chain.pem", made.chain, 0o644),
            ("root.pem", made.root, 0o644),
        ):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(Path(place) / name, flags, mode), "wb") as file:
                file.write(content)
        try:
            Path(place).rename(folder)
        except OSError:
            if not (folder / "chain.pem").is_file():
                raise
