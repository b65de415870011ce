"""Trust lists of the user's own, kept by name, and what there is to know of any list."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from verascope.errors import UsageError
from verascope.provenance.writing import write_whole

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# When the shipped lists were issued, and when their publisher meant to issue the next.
ISSUED: dict[str, tuple[date, date | None]] = {
    "official": (date(2026, 8, 5), date(2027, 8, 5)),
    "interim": (date(2026, 1, 1), None),
}


class Facts(NamedTuple):
    """What a list holds: counts of certificates, how many have expired, and its age."""

    signers: int
    time_stamps: int
    allowed: int
    expired: int
    issued: date | None
    next_update: date | None

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
    return Facts(
        signers=len(known),
        time_stamps=len(stamping),
        allowed=len(single),
        expired=sum(end < now for end in ends.values()),
        issued=issued,
        next_update=following,
    )


class _Certificate(NamedTuple):
    fingerprint: bytes
    ends: datetime


def _load(pem: str) -> list[_Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    if not pem:
        return []
    found = x509.load_pem_x509_certificates(pem.encode())
    return [_Certificate(each.fingerprint(SHA256()), each.not_valid_after_utc) for each in found]
