"""Appeals that a platform decided: how often what the machine led to was overturned.

One JSON object a line, as Coop sends them: appealId, item (an id, or an object with one) and
appealDecision, ACCEPT or REJECT. The same appeal counts once.
"""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.engine import Engine

from verascope.errors import UsageError
from verascope.serve import audit
from verascope.serve.schema import appeals, items

DECISIONS = {"ACCEPT": True, "REJECT": False}


def take(engine: Engine, lines: Iterable[bytes]) -> Counter[str]:
    """Keep appeals; returns how many were accepted, rejected, known before, or of no item here.

    Raises:
        UsageError: a line is none; names its number.
    """
    counts: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            told: Any = msgspec.json.decode(line)
            ident, item = str(told["appealId"]), told["item"]
            accepted = DECISIONS[told["appealDecision"]]
            item_id = item["id"] if isinstance(item, dict) else str(item)
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise UsageError(f"line {number} is no appeal: {error}") from error
        counts[_keep(engine, ident, item_id, accepted)] += 1
    return counts


def counted(engine: Engine) -> Counter[str]:
    """How many appeals were accepted and rejected, by the machine's verdict on the item."""
    query = (
        select(items.c.verdict, appeals.c.accepted, func.count())
        .join(items, items.c.id == appeals.c.item_id)
        .group_by(items.c.verdict, appeals.c.accepted)
    )
    with engine.connect() as connection:
        return Counter(
            {
                f"{verdict or 'none'} {'overturned' if accepted else 'upheld'}": number
                for verdict, accepted, number in connection.execute(query)
            }
        )


def _keep(engine: Engine, ident: str, item_id: str, accepted: bool) -> str:
    with engine.begin() as connection:
        if connection.execute(select(items.c.id).where(items.c.id == item_id)).first() is None:
            return "unknown"
        if connection.execute(select(appeals.c.id).where(appeals.c.id == ident)).first():
            return "known"
        row = {"id": ident, "item_id": item_id, "accepted": accepted, "at": time.time()}
        connection.execute(insert(appeals).values(row))
        audit.note(connection, "appeals", "appealed", item_id, accepted=accepted)
    return "accepted" if accepted else "rejected"
