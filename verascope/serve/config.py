"""What the service may be told; the defaults run it whole on one machine."""

from pathlib import Path

from msgspec import Struct

from verascope.settings import Online, Settings


class SigningKey(Struct, frozen=True, kw_only=True):
    """Files of the platform's own certificates (PEM, leaf first) and key (PKCS#8)."""

    certificates: Path
    key: Path
    algorithm: str = "es256"


class ServeSettings(Struct, frozen=True, kw_only=True):
    """How the service works.

    Attributes:
        data: folder of everything it keeps: store, queue, contents.
        store: URL of the database of items and keys, as SQLAlchemy has them; None is SQLite in
            `data`.
        queue: URL of a Redis that holds the queue; None is SQLite in `data`.
        scan: how inputs are judged.
        policy: TOML file that chooses actions; None chooses none.
        jobs: inputs at once.
        max_body_bytes: of an upload.
        max_waiting: items in the queue, beyond which no more are taken (429).
        per_minute: requests of a key, where the key has no rate of its own.
        sync_s: how long `POST /v1/scan` waits.
        lease_s: after which an item whose worker has gone silent is given to another.
        attempts: at an item, before it is a dead letter.
        fetch: hosts that media may be fetched from by their addresses; None: from none.
        mastodon: secret of a Mastodon's webhook; None takes none.
        sign: with what `POST /v1/sign` signs; None turns it off.
        keep_days: how long finished items are kept.
    """

    data: Path
    store: str | None = None
    queue: str | None = None
    scan: Settings = Settings()
    policy: Path | None = None
    jobs: int = 2
    max_body_bytes: int = 100_000_000
    max_waiting: int = 10_000
    per_minute: int = 6_000
    sync_s: float = 30.0
    lease_s: float = 60.0
    attempts: int = 3
    fetch: Online | None = None
    mastodon: str | None = None
    sign: SigningKey | None = None
    keep_days: float = 30.0

    @property
    def store_url(self) -> str:
        """Of the database."""
        return self.store or f"sqlite:///{self.data / 'store.sqlite'}"

    @property
    def contents(self) -> Path:
        """Folder of what was uploaded and is still needed."""
        return self.data / "contents"
