"""Trust lists of the user's own, kept by name, and what there is to know of any list."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from verascope.errors import UsageError
from verascope.provenance.writing import write_whole

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# When the shipped lists were issued, and when their publisher meant to issue the next.
ISSUED: dict[str, tuple[date, date | None]] = {
    "official": (date(2026, 8, 5), date(2027, 8, 5)),
    "interim": (date(2026, 1, 1), None),
}


class Facts(NamedTuple):
    """What a list holds: counts of certificates, how many have expired, and its age.

    `idle` are those that vouch for nobody: no authority, nor signed by themselves. `imported` is
    when the user put a list of that name here.
    """

    signers: int
    time_stamps: int
    allowed: int
    idle: int
    expired: int
    issued: date | None
    next_update: date | None
    imported: date | None

    @property
    def trusts_nobody(self) -> bool:
        """Whether no signer and no time stamp could be known by it."""
        return not (self.signers or self.time_stamps or self.allowed)

    @property
    def overdue(self) -> bool:
        """Whether its publisher has promised a newer one by now."""
        return self.next_update is not None and self.next_update < datetime.now(UTC).date()


def folder() -> Path:
    """Where lists of the user's own are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "verascope" / "trust"


def names() -> tuple[str, ...]:
    """The lists that the user has imported."""
    return tuple(sorted(path.stem for path in folder().glob("*.pem") if NAME.fullmatch(path.stem)))


def path_of(name: str) -> Path | None:
    """The file of an imported list."""
    path = folder() / f"{name}.pem"
    return path if NAME.fullmatch(name) and path.is_file() else None


def keep(name: str, pem: str) -> Path:
    """Keep a list under a name; replaces an earlier one of that name.

    Args:
        name: lower-case letters, digits, `-` and `_`.
        pem: its certificates, checked by the caller.

    Raises:
        UsageError: the name cannot be used, or nothing can be written there.
    """
    if not NAME.fullmatch(name) or name in (*ISSUED, "none", "tsa"):
        raise UsageError(f"trust: a list cannot be called {name!r}")
    target = folder() / f"{name}.pem"
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"trust: cannot write {target}: {error.strerror}") from error
    write_whole(target, pem.encode())
    return target


def facts(name: str, signers: str, time_stamps: str, allowed: str) -> Facts:
    """Count the certificates of a list, each part PEM or empty."""
    known, stamping, single = (_load(part) for part in (signers, time_stamps, allowed))
    now = datetime.now(UTC)
    ends = {each.fingerprint: each.ends for each in (*known, *stamping, *single)}
    issued, following = ISSUED.get(name, (None, None))
    # The library takes a listed signer that signed its own certificate; of any other it asks an
    # authority.
    own = [each for each in known if each.own and not each.authority]
    authorities = sum(each.authority for each in known)
    stamps = sum(each.authority or each.own for each in stamping)
    return Facts(
        signers=authorities,
        time_stamps=stamps,
        allowed=len(single) + len(own),
        idle=len(known) + len(stamping) - authorities - len(own) - stamps,
        expired=sum(end < now for end in ends.values()),
        issued=issued,
        next_update=following,
        imported=_imported(name),
    )


def _imported(name: str) -> date | None:
    path = path_of(name) if name not in ISSUED else None
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date() if path else None


class _Certificate(NamedTuple):
    fingerprint: bytes
    ends: datetime
    authority: bool
    own: bool  # signed by itself


def _load(pem: str) -> list[_Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    if not pem:
        return []
    found = x509.load_pem_x509_certificates(pem.encode())
    return [
        _Certificate(
            each.fingerprint(SHA256()),
            each.not_valid_after_utc,
            _is_authority(each),
            each.issuer == each.subject,
        )
        for each in found
    ]


def _is_authority(certificate: "Certificate") -> bool:
    from cryptography.x509 import BasicConstraints, ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except (ExtensionNotFound, ValueError):
        return False
