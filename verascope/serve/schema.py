"""The tables: items with their Results, keys, the audit log, webhooks and their deliveries."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

metadata = MetaData()

keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of a secret of 256 random bits
    Column("scopes", String(200), nullable=False),
    Column("per_minute", Integer),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
)

items = Table(
    "items",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("idempotency", String(255)),
    Column("body_sha256", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", String(255)),  # whose it is, in the platform's words; for deletion
    Column("context", Text),  # the platform's own JSON, handed back with the Result
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("state", String(8), nullable=False),  # queued, done, dead
    Column("action", String(16)),
    Column("verdict", String(16)),
    Column("score", Float),
    Column("result", Text),
    UniqueConstraint("key_id", "idempotency"),
    Index("items_by_state", "state", "action"),
    Index("items_by_subject", "subject"),
    Index("items_by_age", "finished_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", String(32), nullable=False),
    Column("reviewer", String(16), nullable=False),  # the id of a key
    Column("choice", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("second", Boolean, nullable=False),  # a second opinion is wanted
    Column("verdict", String(16)),  # what the machine had said
    Column("at", Float, nullable=False),
    Column("undone_at", Float),
    Index("decisions_by_item", "item_id"),
)

appeals = Table(
    "appeals",
    metadata,
    Column("id", String(128), primary_key=True),  # the platform's
    Column("item_id", String(32), nullable=False),
    Column("accepted", Boolean, nullable=False),  # so that what was done is overturned
    Column("at", Float, nullable=False),
    Index("appeals_by_item", "item_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("what", String(64), nullable=False),
    Column("about", String(64), nullable=False),
    Column("details", Text, nullable=False),
    Column("hash", String(64), nullable=False),  # over this row and the hash of the one before
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secrets", Text, nullable=False),  # newest first, with spaces between
    Column("created_at", Float, nullable=False),
    Column("disabled_at", Float),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("webhook_id", String(16), nullable=False),
    Column("item_id", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("state", String(8), nullable=False),  # waiting, sent, dead
    Column("error", Text),
    UniqueConstraint("webhook_id", "item_id"),
    Index("deliveries_due", "state", "due_at"),
)


def engine_of(url: str) -> Engine:
    """A connected database with this release's tables in it."""
    from verascope.serve.migrate import migrate

    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if url.startswith("sqlite"):
        event.listen(engine, "connect", _prepare)
    migrate(engine)
    return engine


def _prepare(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
