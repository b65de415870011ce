"""API keys: 256 random bits each, of which only a hash is kept, with scopes and a rate.

A key is shown once, when it is made: `vsk_ID_SECRET`.
"""

import hashlib
import hmac
import secrets
import time
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Engine, Row

from verascope.errors import UsageError
from verascope.serve.schema import keys

SCOPES = ("scan", "verify", "sign", "items", "models", "review", "metrics", "admin")
PREFIX = "vsk"
# What an unknown key is compared with, so that it takes as long as a known one.
NOBODY = hashlib.sha256(secrets.token_bytes(32)).digest()


class Key(NamedTuple):
    """A key without its secret."""

    id: str
    name: str
    scopes: frozenset[str]
    per_minute: int | None
    created_at: float
    revoked_at: float | None


class Keys:
    """The keys of a store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, name: str, scopes: tuple[str, ...], per_minute: int | None = None) -> str:
        """A new key; returns it with its secret, which is kept nowhere.

        Raises:
            UsageError: there is no such scope.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            wrong = unknown[0] if unknown else "nothing"
            raise UsageError(f"no scope {wrong!r}: there are {', '.join(SCOPES)}")
        ident, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = {
            "id": ident,
            "name": name,
            "hash": _hash(secret),
            "scopes": " ".join(sorted(set(scopes))),
            "per_minute": per_minute,
            "created_at": time.time(),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(keys).values(row))
        return f"{PREFIX}_{ident}_{secret}"

    def all(self) -> list[Key]:
        """Every key, revoked ones too, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(keys).order_by(keys.c.created_at)).all()
        return [_key(row) for row in rows]

    def revoke(self, ident: str) -> None:
        """Let a key open nothing any more.

        Raises:
            UsageError: there is no such key.
        """
        with self._engine.begin() as connection:
            done = connection.execute(
                update(keys).where(keys.c.id == ident).values(revoked_at=time.time())
            )
        if not done.rowcount:
            raise UsageError(f"no key {ident!r}; `verascope keys list` shows them")

    def in_force(self, ident: str) -> bool:
        """Whether there is such a key and it was not revoked."""
        query = select(keys.c.id).where(keys.c.id == ident, keys.c.revoked_at.is_(None))
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def known(self, presented: str) -> Key | None:
        """The key that was presented; None for an unknown, wrong or revoked one.

        One comparison in constant time is made whatever was presented.
        """
        prefix, _, rest = presented.partition("_")
        ident, _, secret = rest.partition("_")
        row = None
        if prefix == PREFIX and ident and secret:
            with self._engine.connect() as connection:
                row = connection.execute(select(keys).where(keys.c.id == ident)).first()
        expected = NOBODY if row is None else bytes(row.hash)
        matches = hmac.compare_digest(_hash(secret), expected)
        if row is None or not matches or row.revoked_at is not None:
            return None
        return _key(row)


def _hash(secret: str) -> bytes:
    """A plain hash is enough for 256 random bits; slow ones are for passwords."""
    return hashlib.sha256(secret.encode()).digest()


def _key(row: "Row[tuple[object, ...]]") -> Key:
    return Key(
        row.id,
        row.name,
        frozenset(row.scopes.split()),
        row.per_minute,
        row.created_at,
        row.revoked_at,
    )
