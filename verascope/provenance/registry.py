"""The local registry: fingerprints of signed files, and the credentials that they had.

One SQLite file, written by whole transactions and readable meanwhile (WAL). What is found in it was
registered by its owner; nobody else is asked. A match is a similar file, never this one. Asking
writes nothing, and trouble with the file is told beside the answer, never raised: it must not end a
batch of others.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from verascope.errors import UsageError
from verascope.provenance.fingerprint import BY_NAME, Fingerprint, Index, index, usable
from verascope.provenance.recovery import Matches
from verascope.result import Provenance, Recovered

VERSION = 1
MAX_MATCHES = 5
WAIT_S = 2.0  # for another process that has locked the file
HASH_BYTES = 32
SCHEMA = """
CREATE TABLE stores (sha256 BLOB PRIMARY KEY, store BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE assets (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, fingerprint BLOB NOT NULL, quality INTEGER NOT NULL,
    sha256 BLOB NOT NULL, store BLOB NOT NULL REFERENCES stores (sha256),
    media_type TEXT NOT NULL, registered_at TEXT NOT NULL, provenance BLOB NOT NULL,
    UNIQUE (sha256, store)
);
"""


class Asset(Struct, frozen=True, kw_only=True):
    """A signed file to register: what its bytes are, and what verifying it said."""

    sha256: str
    media_type: str
    fingerprint: Fingerprint
    store: bytes
    provenance: Provenance


class Registry:
    """A registry file. A context manager; usable from one thread at a time.

    Args:
        path: the file.
        write: whether entries are to be added or forgotten; otherwise nothing is written, and a
            file in a folder that may only be read will do.
        create: make the file and its folder if they are not there, to write.

    Raises:
        UsageError: there is none, or it is not a registry of a version that we know.
    """

    def __init__(self, path: Path, *, write: bool = False, create: bool = False) -> None:
        if not create and not path.is_file():
            raise UsageError(f"there is no registry at {path}; `verascope register` makes one")
        self._path = path
        self._loaded: dict[str, _Loaded] = {}
        self._version = -1
        with _named(path):
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._database = _connect(path) if write or create else _open_to_read(path)
            if create:
                self._make_tables()
            self._check()

    def add(self, asset: Asset) -> bool:
        """Register a file; False if it was registered with this credential before.

        Raises:
            UsageError: its fingerprint has too little structure, or the file cannot be written.
        """
        if not usable(asset.fingerprint):
            raise UsageError("too little structure for a fingerprint")
        store_sha256 = hashlib.sha256(asset.store).digest()
        row = (
            asset.fingerprint.kind,
            asset.fingerprint.hashes[0],
            asset.fingerprint.quality,
            bytes.fromhex(asset.sha256),
            store_sha256,
            asset.media_type,
            datetime.now(UTC).isoformat(timespec="seconds"),
            msgspec.msgpack.encode(asset.provenance),
        )
        with _named(self._path), self._transaction() as database:
            both = (store_sha256, asset.store)
            database.execute("INSERT OR IGNORE INTO stores VALUES (?, ?)", both)
            done = database.execute(
                "INSERT OR IGNORE INTO assets (kind, fingerprint, quality, sha256, store,"
                " media_type, registered_at, provenance) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return done.rowcount == 1

    def forget(self, sha256: str) -> bool:
        """Take a file out, and its manifest store if no other has it; False if it is not there.

        Raises:
            UsageError: the file cannot be written.
        """
        with _named(self._path):
            self._database.execute("PRAGMA secure_delete = ON")  # overwrite, do not only unlink
            with self._transaction() as database:
                asset = (bytes.fromhex(sha256),)
                done = database.execute("DELETE FROM assets WHERE sha256 = ?", asset)
                database.execute(
                    "DELETE FROM stores WHERE sha256 NOT IN (SELECT store FROM assets)"
                )
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return done.rowcount > 0

    def find(self, wanted: Fingerprint | None) -> Matches:
        """Registered files that look alike, the nearest first; none for a fingerprint of noise.

        What cannot be read is left out and told.
        """
        if wanted is not None and wanted.missing is not None:
            return Matches(trouble=wanted.missing)
        if wanted is None or not usable(wanted):
            return Matches()
        try:
            return self._find(wanted)
        except (sqlite3.Error, OSError) as error:
            return Matches(trouble=f"the registry {self._path} cannot be read: {error}")

    def _find(self, wanted: Fingerprint) -> Matches:
        loaded = self._load(wanted.kind)
        best: dict[int, tuple[int, str]] = {}
        for hash_, position in zip(wanted.hashes, wanted.positions, strict=True):
            for row, distance in loaded.hashes.near(hash_, BY_NAME[wanted.kind].max_distance):
                best[row] = min(best.get(row, (distance, position)), (distance, position))
        nearest = sorted(best, key=lambda row: (best[row][0], row))[:MAX_MATCHES]
        found, damaged = [], loaded.damaged
        for row in nearest:
            try:
                found.append(self._recovered(int(loaded.ids[row]), *best[row]))
            except _DamagedError:
                damaged += 1
        trouble = f"{damaged} entries of the registry {self._path} are damaged" if damaged else None
        return Matches(tuple(found), trouble)

    def store(self, sha256: str) -> bytes | None:
        """A registered manifest store by its hash; None where it is not there, or another.

        Raises:
            UsageError: the file cannot be read.
        """
        with _named(self._path):
            row = self._database.execute(
                "SELECT store FROM stores WHERE sha256 = ?", (bytes.fromhex(sha256),)
            ).fetchone()
        store = row[0] if row else None
        if not isinstance(store, bytes) or hashlib.sha256(store).hexdigest() != sha256:
            return None
        return store

    def __len__(self) -> int:
        """How many files are registered."""
        with _named(self._path):
            return int(self._database.execute("SELECT count(*) FROM assets").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _make_tables(self) -> None:
        """In a new file. Locks nothing that is there."""
        if self._user_version() == 0 and not self._tables():
            self._database.execute("PRAGMA journal_mode = WAL")
            with self._transaction() as database:
                if not self._tables():  # another process may have been first
                    for statement in SCHEMA.split(";"):
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {VERSION}")

    def _check(self) -> None:
        """Refuse what is not ours; what is locked just now may be, and is told when it is asked."""
        try:
            known = self._user_version() == VERSION
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            return
        if not known:
            raise UsageError(f"{self._path} is not a registry that this version knows")

    def _user_version(self) -> int:
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    def _tables(self) -> bool:
        return self._database.execute("SELECT 1 FROM sqlite_master").fetchone() is not None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _load(self, kind: str) -> "_Loaded":
        """The index over all fingerprints of a kind; made again when the file has changed."""
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        version += self._database.total_changes  # data_version counts the others' changes alone
        if version != self._version:
            self._loaded, self._version = {}, version
        if kind not in self._loaded:
            rows = self._database.execute(
                "SELECT id, fingerprint FROM assets WHERE kind = ? ORDER BY id", (kind,)
            ).fetchall()
            sizes = BY_NAME[kind].sizes
            whole = [row for row in rows if isinstance(row[1], bytes) and len(row[1]) in sizes]
            ids = np.array([row[0] for row in whole], np.int64)
            found = index(kind, [row[1] for row in whole])
            self._loaded[kind] = _Loaded(ids, found, len(rows) - len(whole))
        return self._loaded[kind]

    def _recovered(self, id_: int, distance: int, position: str) -> Recovered:
        """One entry.

        Raises:
            _DamagedError: it is not as it was written, or was taken out meanwhile.
        """
        row = self._database.execute(
            "SELECT sha256, store, registered_at, provenance FROM assets WHERE id = ?", (id_,)
        ).fetchone()
        if row is None or not (_is_blob(row[0], HASH_BYTES) and _is_blob(row[1], HASH_BYTES)):
            raise _DamagedError
        try:
            registered_at = datetime.fromisoformat(row[2]).isoformat(timespec="seconds")
            provenance = msgspec.msgpack.decode(row[3], type=Provenance)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise _DamagedError from error
        return Recovered(
            distance=distance,
            turned=position,
            registered_at=registered_at,
            sha256=row[0].hex(),
            manifest_sha256=row[1].hex(),
            outcome=provenance.outcome,
            trusted_by=provenance.trusted_by,
            signer=provenance.signer,
            claims=provenance.claims,
        )


class _Loaded(NamedTuple):
    """All fingerprints of one kind: their rows' ids, the index, how many could not be used."""

    ids: NDArray[np.int64]
    hashes: Index
    damaged: int


class _DamagedError(Exception):
    """An entry is not as it was written."""


def default_path() -> Path:
    """Where the user's registry is, if none is named."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "verascope" / "registry.sqlite"


def _is_blob(value: object, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size


def _connect(target: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(
        target,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,
        uri=isinstance(target, str),
    )


def _open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write.

    Where the folder may not be written either, SQLite cannot share the file with writers; it is
    then read as it lies there.
    """
    uri = path.absolute().as_uri() + "?mode=ro"
    database = _connect(uri)
    try:
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            database.close()
            return _connect(uri + "&immutable=1")
    return database


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Trouble with the file in words that name it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"the registry {path} cannot be used: {error}") from error
