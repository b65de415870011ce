"""The audit log: who did what to which item, each row chained to the one before by its hash.

A changed, removed or inserted row breaks the chain from there on (a hash chain, as in Haber and
Stornetta 1991). It holds no content, no name of a file and no key.
"""

import hashlib
import time
from typing import Any

import msgspec
from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection, Engine

from verascope.serve.schema import audit

FIRST = "0" * 64
LOCK = 0x56455241  # a number that no other program is likely to lock


def note(connection: Connection, actor: str, what: str, about: str, **details: Any) -> None:
    """Add a row, within the transaction of what it is about, which has written already.

    In SQLite that write keeps others out until the end; elsewhere a lock of our own does.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last = connection.execute(
        select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    row = {
        "seq": 1 if last is None else last.seq + 1,
        "at": round(time.time(), 3),
        "actor": actor,
        "what": what,
        "about": about,
        "details": msgspec.json.encode(details, order="sorted").decode(),
    }
    row["hash"] = _hash(FIRST if last is None else last.hash, row)
    connection.execute(insert(audit).values(row))


def verify(engine: Engine) -> tuple[int, int | None]:
    """How many rows there are, and the first that does not hold; None where all do."""
    before, count = FIRST, 0
    with engine.connect() as connection:
        for found in connection.execute(select(audit).order_by(audit.c.seq)):
            row = dict(found._mapping)
            told = row.pop("hash")
            count += 1
            if row["seq"] != count or _hash(before, row) != told:
                return count, row["seq"]
            before = told
    return count, None


def _hash(before: str, row: dict[str, Any]) -> str:
    told = msgspec.json.encode([before, row], order="sorted")
    return hashlib.sha256(told).hexdigest()
