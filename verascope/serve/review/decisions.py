"""What people decided: one decision a reviewer and item, which can be undone, never overwritten.

An item is decided by the last decision that stands; where its maker asked for a second opinion, it
stays in the queue for anyone else.
"""

import time
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Engine

from verascope.policy import Action
from verascope.serve import audit
from verascope.serve.schema import decisions, items

CHOICES = ("real", "synthetic", "edited", "unsure")
PAGE = 50  # items of the queue that are listed
SIMILAR = 5


class Waiting(NamedTuple):
    """An item of the queue."""

    id: str
    name: str
    created_at: float
    verdict: str | None


class Decision(NamedTuple):
    """What somebody decided."""

    id: int
    item_id: str
    reviewer: str
    choice: str
    reason: str
    second: bool
    at: float


class Decisions:
    """The decisions of a store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, reviewer: str) -> tuple[list[Waiting], int]:
        """The oldest items that this reviewer may decide, and how many there are in all."""
        standing = select(decisions.c.item_id).where(decisions.c.undone_at.is_(None))
        decided = standing.where(decisions.c.second.is_(False))
        own = standing.where(decisions.c.reviewer == reviewer)
        chosen = (
            (items.c.action == Action.REVIEW.value)
            & items.c.id.not_in(decided)
            & items.c.id.not_in(own)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(items).where(chosen).order_by(items.c.created_at).limit(PAGE)
            ).all()
            total = connection.execute(select(func.count()).select_from(items).where(chosen))
            number = int(total.scalar_one())
        return [Waiting(row.id, row.name, row.created_at, row.verdict) for row in rows], number

    def decide(
        self, item_id: str, reviewer: str, choice: str, reason: str, *, second: bool
    ) -> int | None:
        """Keep a decision; returns its number, or None where this reviewer has one that stands."""
        with self._engine.begin() as connection:
            verdict = connection.execute(
                select(items.c.verdict).where(items.c.id == item_id)
            ).scalar_one()
            row = {
                "item_id": item_id,
                "reviewer": reviewer,
                "choice": choice,
                "reason": reason,
                "second": second,
                "verdict": verdict,
                "at": time.time(),
            }
            ident = connection.execute(insert(decisions).values(row)).inserted_primary_key
            standing = connection.execute(
                select(func.count())
                .select_from(decisions)
                .where(decisions.c.item_id == item_id, decisions.c.reviewer == reviewer)
                .where(decisions.c.undone_at.is_(None))
            ).scalar_one()
            if standing > 1:
                connection.rollback()
                return None
            audit.note(connection, reviewer, "decided", item_id, choice=choice, second=second)
        assert ident is not None
        return int(ident[0])

    def undo(self, item_id: str, reviewer: str) -> bool:
        """Take a reviewer's decision back; returns whether there was one."""
        with self._engine.begin() as connection:
            done = connection.execute(
                update(decisions)
                .where(decisions.c.item_id == item_id, decisions.c.reviewer == reviewer)
                .where(decisions.c.undone_at.is_(None))
                .values(undone_at=time.time())
            )
            if done.rowcount:
                audit.note(connection, reviewer, "undid", item_id)
        return bool(done.rowcount)

    def of(self, item_id: str) -> list[Decision]:
        """The decisions on an item that stand, oldest first."""
        query = (
            select(decisions)
            .where(decisions.c.item_id == item_id, decisions.c.undone_at.is_(None))
            .order_by(decisions.c.id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Decision(*(getattr(row, name) for name in Decision._fields)) for row in rows]

    def similar(self, item_id: str, score: float | None) -> list[dict[str, Any]]:
        """The decisions on items whose scores are nearest to this one's."""
        if score is None:
            return []
        query = (
            select(decisions.c.choice, decisions.c.reason, items.c.name, items.c.score)
            .join(items, items.c.id == decisions.c.item_id)
            .where(decisions.c.undone_at.is_(None), items.c.id != item_id)
            .where(items.c.score.is_not(None))
            .order_by(func.abs(items.c.score - score))
            .limit(SIMILAR)
        )
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def agreement(self) -> dict[str, dict[str, int]]:
        """Verdict of the machine to decisions of people: how often which."""
        query = (
            select(decisions.c.verdict, decisions.c.choice, func.count())
            .where(decisions.c.undone_at.is_(None))
            .group_by(decisions.c.verdict, decisions.c.choice)
        )
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for verdict, choice, number in connection.execute(query):
                found.setdefault(verdict or "none", {})[choice] = number
        return found
