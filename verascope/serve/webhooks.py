"""Events to the platform, after the Standard Webhooks specification (1.0.0).

Signed (HMAC-SHA256 of id, time and body), retried with growing pauses, then dead letters. A webhook
has several secrets while they are being rotated; each signs. Addresses are the administrator's own,
so they are not restricted; redirects are not followed.
"""

import base64
import hashlib
import hmac
import logging
import secrets
import threading
import time
from typing import NamedTuple

import httpx
import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Engine

from verascope.errors import UsageError
from verascope.result import Result
from verascope.serve.schema import deliveries, webhooks
from verascope.serve.store import Item

PREFIX = "whsec_"
PAUSES_S = (0, 5, 300, 1800, 7200, 18000, 36000, 36000)  # what senders of this kind publish
TIMEOUT_S = 15.0
IDLE_S = 1.0
MOST_AT_ONCE = 20
log = logging.getLogger(__name__)


class Hook(NamedTuple):
    """A webhook without its secrets."""

    id: str
    url: str
    disabled: bool


class Webhooks:
    """The webhooks of a store, and the thread that delivers."""

    def __init__(self, engine: Engine, *, pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._engine = engine
        self._pauses_s = pauses_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._deliver, daemon=True)

    def add(self, url: str) -> tuple[str, str]:
        """A new webhook; returns its id and its secret.

        Raises:
            UsageError: the address is none.
        """
        if not url.startswith(("https://", "http://")):
            raise UsageError(f"{url} is no http address")
        ident, secret = secrets.token_hex(8), new_secret()
        row = {"id": ident, "url": url, "secrets": secret, "created_at": time.time()}
        with self._engine.begin() as connection:
            connection.execute(insert(webhooks).values(row))
        return ident, secret

    def rotate(self, ident: str) -> str:
        """A new secret beside the last one, which goes with the rotation after this."""
        with self._engine.begin() as connection:
            row = connection.execute(select(webhooks).where(webhooks.c.id == ident)).first()
            if row is None:
                raise UsageError(f"no webhook {ident!r}; `verascope webhooks list` shows them")
            secret = new_secret()
            kept = f"{secret} {row.secrets.split()[0]}"
            connection.execute(update(webhooks).where(webhooks.c.id == ident).values(secrets=kept))
        return secret

    def disable(self, ident: str) -> None:
        """Deliver nothing more there."""
        with self._engine.begin() as connection:
            done = connection.execute(
                update(webhooks).where(webhooks.c.id == ident).values(disabled_at=time.time())
            )
        if not done.rowcount:
            raise UsageError(f"no webhook {ident!r}; `verascope webhooks list` shows them")

    def all(self) -> list[Hook]:
        """Every webhook."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(webhooks).order_by(webhooks.c.created_at)).all()
        return [Hook(row.id, row.url, row.disabled_at is not None) for row in rows]

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not delivered waits for the next start."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S + 5)

    def _deliver(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
            while not self._stopped.is_set():
                try:
                    busy = self.deliver_due(client)
                except Exception:
                    log.exception("delivering webhooks failed; it goes on")
                    busy = False
                if not busy:
                    self._stopped.wait(IDLE_S)

    def deliver_due(self, client: httpx.Client) -> bool:
        """Send what is due; returns whether there was anything."""
        query = (
            select(deliveries, webhooks.c.url, webhooks.c.secrets)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook_id)
            .where(deliveries.c.state == "waiting", deliveries.c.due_at <= time.time())
            .where(webhooks.c.disabled_at.is_(None))
            .order_by(deliveries.c.due_at)
            .limit(MOST_AT_ONCE)
        )
        with self._engine.connect() as connection:
            due = connection.execute(query).all()
        for row in due:
            if self._stopped.is_set():
                break
            error = self._send(client, row.url, row.secrets.split(), row.id, row.body)
            self._told(row.id, row.attempts + 1, error)
        return bool(due)

    def _send(
        self, client: httpx.Client, url: str, keys: list[str], ident: str, body: str
    ) -> str | None:
        """Send one; None where it was received, else what went wrong."""
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": ident,
            "webhook-timestamp": str(now),
            "webhook-signature": " ".join(signature(key, ident, now, body) for key in keys),
        }
        try:
            answer = client.post(url, content=body.encode(), headers=headers)
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if answer.is_success else f"answered {answer.status_code}"

    def _told(self, ident: str, attempts: int, error: str | None) -> None:
        state, due = "sent", time.time()
        if error is not None:
            over = attempts >= len(self._pauses_s)
            state = "dead" if over else "waiting"
            due += 0 if over else self._pauses_s[attempts]
        values = {"attempts": attempts, "state": state, "due_at": due, "error": error}
        with self._engine.begin() as connection:
            connection.execute(update(deliveries).where(deliveries.c.id == ident).values(values))


def new_secret() -> str:
    """256 random bits in the specification's form."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, ident: str, timestamp: int, body: str) -> str:
    """The value of webhook-signature for one secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{ident}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def event(item: Item, result: Result) -> str:
    """The body of `item.judged`: what a platform acts on; the whole Result is one GET away."""
    data = {
        "item": item.id,
        "context": None if item.context is None else msgspec.json.decode(item.context),
        "sha256": result.input.sha256,
        "status": result.status,
        "reason": result.reason,
        "verdict": result.verdict,
        "score": result.score,
        "action": result.policy.action if result.policy else None,
        "rule": result.policy.rule if result.policy else None,
    }
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return msgspec.json.encode({"type": "item.judged", "timestamp": now, "data": data}).decode()
