"""A movement of money, or one that was refused: the row behind every key, read and written, without a rule.

Every function works in the caller's transaction. A state changes by compare-and-set (`move`), so that two
requests, or a request and a restarted bank, never both decide.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from gateways.sandbox.bank.ledger import insert_row


class MovementKind(StrEnum):
    CHARGE = "charge"
    AUTHORIZATION = "authorization"
    REFUND = "refund"
    TOMBSTONE = "tombstone"
    """A key that was fenced before anything came under it."""


class MovementState(StrEnum):
    IN_PROGRESS = "in_progress"
    """The bank is thinking; dies with its process."""
    PENDING = "pending"
    """Decided by the issuer, and not told yet."""
    APPROVED = "approved"
    AUTHORIZED = "authorized"
    VOIDED = "voided"
    DECLINED = "declined"
    FENCED = "fenced"
    """Not done, and never will be under this key."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One row. `fingerprint` holds the parameters that a repeat of the key must have too."""

    key: str
    id: str | None
    kind: MovementKind
    state: MovementState
    created_at: str
    fingerprint: str = ""
    amount_minor: int = 0
    currency: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    brand: str = ""
    last_four: str = ""
    charge_id: str | None = None
    code: str | None = None
    authorisation_code: str | None = None
    lookups_left: int = 0
    refunded_minor: int = 0


class RefusedError(Exception):
    """Neither yes nor no: the bank has seen the key before, or is still at it. `code` says why, and a lookup
    what became of the key. Over HTTP a 409, never a decline.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def tombstone(key: str, created_at: str) -> Movement:
    return Movement(key, None, MovementKind.TOMBSTONE, MovementState.FENCED, created_at)


def authorisation_code_of(movement_id: str) -> str:
    """As an issuer gives one: six characters."""
    return hashlib.sha256(movement_id.encode()).hexdigest()[:6].upper()


def insert(tx: sqlite3.Connection, movement: Movement) -> Movement:
    insert_row(tx, "movement", asdict(movement) | {"metadata": json.dumps(dict(movement.metadata))})
    return movement


def by_key(tx: sqlite3.Connection, key: str) -> Movement | None:
    return _one(tx.execute("SELECT * FROM movement WHERE key = ?", (key,)))


def by_id(tx: sqlite3.Connection, movement_id: str) -> Movement | None:
    return _one(tx.execute("SELECT * FROM movement WHERE id = ?", (movement_id,)))


def in_progress(tx: sqlite3.Connection) -> list[Movement]:
    return _all(tx.execute("SELECT * FROM movement WHERE state = 'in_progress'"))


def newest(tx: sqlite3.Connection, *, limit: int) -> list[Movement]:
    """Charges and authorizations, the newest first."""
    return _all(
        tx.execute(
            "SELECT * FROM movement WHERE kind IN ('charge', 'authorization')"
            " ORDER BY created_at DESC, rowid DESC LIMIT ?",
            (limit,),
        )
    )


def refunds_of(tx: sqlite3.Connection, charge_id: str) -> list[Movement]:
    return _all(
        tx.execute("SELECT * FROM movement WHERE charge_id = ? ORDER BY created_at, rowid", (charge_id,))
    )


def move(tx: sqlite3.Connection, before: Movement, after: Movement) -> bool:
    """True where the movement was still as before, and now is as after; False where another moved it."""
    done = tx.execute(
        "UPDATE movement SET state = ?, code = ?, authorisation_code = ?, lookups_left = ?"
        " WHERE key = ? AND state = ? AND lookups_left = ?",
        (
            after.state,
            after.code,
            after.authorisation_code,
            after.lookups_left,
            before.key,
            before.state,
            before.lookups_left,
        ),
    )
    return done.rowcount == 1


def add_refunded(tx: sqlite3.Connection, charge_id: str, amount_minor: int) -> bool:
    """Sets money of a charge aside for a refund, or gives it back; False where it has not that much left."""
    done = tx.execute(
        "UPDATE movement SET refunded_minor = refunded_minor + ? WHERE id = ? AND state = 'approved'"
        " AND refunded_minor + ? BETWEEN 0 AND amount_minor",
        (amount_minor, charge_id, amount_minor),
    )
    return done.rowcount == 1


def _one(found: sqlite3.Cursor) -> Movement | None:
    row = found.fetchone()
    return _movement(row) if row is not None else None


def _all(found: sqlite3.Cursor) -> list[Movement]:
    return [_movement(row) for row in found]


def _movement(row: sqlite3.Row) -> Movement:
    values = dict(row)
    return Movement(
        **{
            **values,
            "kind": MovementKind(values["kind"]),
            "state": MovementState(values["state"]),
            "metadata": json.loads(values["metadata"]),
        }
    )
