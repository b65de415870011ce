"""Items and their Results, in SQLite or whatever database SQLAlchemy is pointed at."""

import secrets
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Engine, Row
from sqlalchemy.exc import IntegrityError

from verascope.result import Result
from verascope.serve import audit
from verascope.serve.schema import audit as audit_log
from verascope.serve.schema import decisions, deliveries, items, webhooks


class Item(NamedTuple):
    """An upload that was accepted."""

    id: str
    key_id: str
    body_sha256: str
    name: str
    subject: str | None
    context: str | None
    created_at: float
    finished_at: float | None
    state: str
    action: str | None
    result: str | None


class Taken(NamedTuple):
    """An item, and whether this very request made it."""

    item: Item
    fresh: bool


class Store:
    """The items. Usable from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def take(
        self,
        *,
        ident: str,
        key_id: str,
        body_sha256: str,
        name: str,
        idempotency: str | None = None,
        subject: str | None = None,
        context: str | None = None,
    ) -> Taken:
        """Accept an item, or find the one that the same key was given with this idempotency key."""
        row = {
            "id": ident,
            "key_id": key_id,
            "body_sha256": body_sha256,
            "name": name,
            "idempotency": idempotency,
            "subject": subject,
            "context": context,
            "created_at": time.time(),
            "state": "queued",
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(items).values(row))
                audit.note(connection, key_id, "accepted", ident, sha256=body_sha256)
        except IntegrityError:
            before = self._idempotent(key_id, idempotency)
            if before is None:
                raise
            return Taken(before, fresh=False)
        found = self.item(ident)
        assert found is not None
        return Taken(found, fresh=True)

    def item(self, ident: str) -> Item | None:
        """An item by its id."""
        with self.engine.connect() as connection:
            row = connection.execute(select(items).where(items.c.id == ident)).first()
        return None if row is None else _item(row)

    def finish(self, ident: str, result: Result, deliver: str | None = None) -> bool:
        """Keep an item's Result, once; returns whether it was the first.

        With `deliver`, the body of an event, it is put up for every webhook in the same
        transaction.
        """
        action = result.policy.action if result.policy else None
        with self.engine.begin() as connection:
            done = connection.execute(
                update(items)
                .where(items.c.id == ident, items.c.state == "queued")
                .values(
                    state="done",
                    finished_at=time.time(),
                    action=action,
                    verdict=result.verdict.value if result.verdict else None,
                    score=result.score,
                    result=result.to_json().decode(),
                )
            )
            if not done.rowcount:
                return False
            told = result.verdict or result.reason
            audit.note(connection, "service", "judged", ident, verdict=told, action=action)
            if deliver is not None:
                self._put_up(connection, ident, deliver)
        return True

    def give_up(self, ident: str, error: str) -> None:
        """Mark an item as a dead letter."""
        with self.engine.begin() as connection:
            connection.execute(
                update(items)
                .where(items.c.id == ident, items.c.state == "queued")
                .values(state="dead", finished_at=time.time())
            )
            audit.note(connection, "service", "given up", ident, error=error)

    def take_up(self, ident: str) -> None:
        """Let a dead letter be an item that waits again."""
        with self.engine.begin() as connection:
            connection.execute(
                update(items)
                .where(items.c.id == ident, items.c.state == "dead")
                .values(state="queued", finished_at=None)
            )
            audit.note(connection, "service", "replayed", ident)

    def queued(self) -> list[str]:
        """The items without a Result, oldest first: what the queue must know."""
        query = select(items.c.id).where(items.c.state == "queued").order_by(items.c.created_at)
        with self.engine.connect() as connection:
            return [row.id for row in connection.execute(query)]

    def done(self) -> Iterator[Item]:
        """The judged items, in the order in which they were."""
        query = select(items).where(items.c.state == "done").order_by(items.c.finished_at)
        with self.engine.connect() as connection:
            for row in connection.execute(query):
                yield _item(row)

    def forget(self, *, subject: str | None = None, before: float | None = None) -> list[str]:
        """Delete what is kept of finished items: a subject's, or old ones; returns their ids."""
        chosen = items.c.subject == subject if subject is not None else items.c.finished_at < before
        with self.engine.begin() as connection:
            gone = connection.execute(delete(items).where(chosen).returning(items.c.id))
            found = [row.id for row in gone]
            for ident in found:
                connection.execute(delete(deliveries).where(deliveries.c.item_id == ident))
                connection.execute(delete(decisions).where(decisions.c.item_id == ident))
                audit.note(connection, "service", "forgotten", ident)
        return found

    def note(self, actor: str, what: str, about: str) -> None:
        """Put something into the audit log that is about no item."""
        with self.engine.begin() as connection:
            # A write comes first, so that SQLite lets nobody else in before the end.
            connection.execute(delete(audit_log).where(audit_log.c.seq < 0))
            audit.note(connection, actor, what, about)

    def counts(self) -> dict[str, int]:
        """How many items are in which state."""
        query = select(items.c.state, func.count()).group_by(items.c.state)
        with self.engine.connect() as connection:
            return {state: number for state, number in connection.execute(query)}

    def _idempotent(self, key_id: str, idempotency: str | None) -> Item | None:
        query = select(items).where(items.c.key_id == key_id, items.c.idempotency == idempotency)
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _item(row)

    def _put_up(self, connection: Any, ident: str, body: str) -> None:
        listening = connection.execute(
            select(webhooks.c.id).where(webhooks.c.disabled_at.is_(None))
        ).all()
        for hook in listening:
            row = {
                "id": f"msg_{secrets.token_hex(12)}",
                "webhook_id": hook.id,
                "item_id": ident,
                "body": body,
                "attempts": 0,
                "due_at": time.time(),
                "state": "waiting",
            }
            connection.execute(insert(deliveries).values(row))


def _item(row: "Row[tuple[object, ...]]") -> Item:
    return Item(*(getattr(row, name) for name in Item._fields))
