"""The bank's own SQLite file. Every rule about money is a constraint here first.

A write transaction begins IMMEDIATE and is one decision; none is open while the bank thinks. There is no
column for a card number, a code or a token: a token is found by its SHA-256, and means nothing without its
256 bits.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BUSY_TIMEOUT_S = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS card (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL CHECK (length(last_four) = 4),
    outcome TEXT NOT NULL,
    spent_on TEXT,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS token (
    digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
    card_id TEXT NOT NULL REFERENCES card (id)
);
CREATE TABLE IF NOT EXISTS kept_card (
    card_id TEXT PRIMARY KEY REFERENCES card (id),
    charge_key TEXT NOT NULL,
    key TEXT UNIQUE,
    holder TEXT,
    forgotten INTEGER NOT NULL DEFAULT 0 CHECK (forgotten IN (0, 1)),
    CHECK ((key IS NULL) = (holder IS NULL))
);
CREATE TABLE IF NOT EXISTS movement (
    key TEXT PRIMARY KEY,
    id TEXT UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'authorization', 'refund', 'tombstone')),
    state TEXT NOT NULL CHECK (
        state IN ('in_progress', 'pending', 'approved', 'authorized', 'voided', 'declined', 'fenced')
    ),
    fingerprint TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    refunded_minor INTEGER NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL,
    charge_id TEXT REFERENCES movement (id),
    code TEXT,
    authorisation_code TEXT,
    lookups_left INTEGER NOT NULL DEFAULT 0 CHECK (lookups_left >= 0),
    created_at TEXT NOT NULL,
    CHECK ((kind = 'tombstone') = (id IS NULL)),
    CHECK (kind != 'tombstone' OR state = 'fenced'),
    CHECK (kind = 'authorization' OR state NOT IN ('authorized', 'voided')),
    CHECK (state != 'declined' OR code IS NOT NULL),
    CHECK (refunded_minor = 0 OR (kind != 'refund' AND state = 'approved'))
);
CREATE TABLE IF NOT EXISTS link (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'paid')),
    fingerprint TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,
    language TEXT NOT NULL,
    done_url TEXT NOT NULL,
    left_url TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS movement_created ON movement (created_at);
CREATE INDEX IF NOT EXISTS movement_charge ON movement (charge_id);
"""


def insert_row(tx: sqlite3.Connection, table: str, row: Mapping[str, object]) -> None:
    """A row, its columns named as in the schema."""
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    tx.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)  # noqa: S608 - names of our own


class Ledger:
    """Opens transactions on the bank's file; one connection each, so any thread may."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Kept open: when the last connection to a file closes, SQLite folds the log away and syncs again.
        self._anchor = self._connect()
        self._anchor.execute("PRAGMA journal_mode=WAL")
        self._anchor.executescript(_SCHEMA)

    def close(self) -> None:
        self._anchor.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One decision: committed whole, or not at all."""
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN") as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connect()
        try:
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection
