"""A payment page that was opened for one order: its row, read and written, without a rule.

Every function works in the caller's transaction. A state changes by compare-and-set, so that a payer and
whoever closes the page never both decide.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PageState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """One row. Its id is in the URL, and is all that a payer needs."""

    key: str
    id: str
    state: PageState
    fingerprint: str
    """What a repeat of the key must have too."""
    amount_minor: int
    currency: str
    description: str
    metadata: Mapping[str, str]
    language: str
    done_url: str
    left_url: str
    expires_at: datetime


def insert(tx: sqlite3.Connection, page: PaymentPage) -> PaymentPage:
    tx.execute(
        "INSERT INTO link (key, id, state, fingerprint, amount_minor, currency, description, metadata,"
        " language, done_url, left_url, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            page.key,
            page.id,
            page.state,
            page.fingerprint,
            page.amount_minor,
            page.currency,
            page.description,
            json.dumps(dict(page.metadata)),
            page.language,
            page.done_url,
            page.left_url,
            page.expires_at.isoformat(),
        ),
    )
    return page


def by_key(tx: sqlite3.Connection, key: str) -> PaymentPage | None:
    return _one(tx.execute("SELECT * FROM link WHERE key = ?", (key,)))


def by_id(tx: sqlite3.Connection, page_id: str) -> PaymentPage | None:
    return _one(tx.execute("SELECT * FROM link WHERE id = ?", (page_id,)))


def move(tx: sqlite3.Connection, page: PaymentPage, state: PageState) -> bool:
    """True where the page was open, and is in `state` now."""
    done = tx.execute("UPDATE link SET state = ? WHERE key = ? AND state = 'open'", (state, page.key))
    return done.rowcount == 1


def _one(found: sqlite3.Cursor) -> PaymentPage | None:
    row = found.fetchone()
    if row is None:
        return None
    values = dict(row)
    return PaymentPage(
        **{
            **values,
            "state": PageState(values["state"]),
            "metadata": json.loads(values["metadata"]),
            "expires_at": datetime.fromisoformat(values["expires_at"]),
        }
    )
