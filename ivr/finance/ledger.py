"""The ledger: one balanced entry for each approved charge, each approved refund and each refund that
came back, and never a second.

An entry is written inside the transaction that makes the charge final; the constraint on (kind, source) turns
a second one into an IntegrityError, which rolls that transaction back: better a loud failure than money
counted twice. Debits are above zero, credits below.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from ivr.finance.tables import ledger_entry, ledger_line
from ivr.platform.ids import Ids

BILLS_PAID = "bills:paid"
"""Credited by what payers paid on their bills, debited by what they got back."""


def receivable(gateway: str) -> str:
    """What the gateway owes us: charged and not yet paid out."""
    return f"gateway:{gateway}:receivable"


class EntryKind(StrEnum):
    """What an entry records."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    """A refund that was given back came back: the payer's bank did not take it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry: a debit above zero, a credit below."""

    account: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to money. `source_id` is the attempt's or the refund's id."""

    id: str
    kind: EntryKind
    source_id: str
    bill_id: str
    at: datetime
    lines: tuple[Line, ...]


class UnbalancedError(Exception):
    """The lines of an entry do not sum to zero: a bug, and nothing is written."""


def post(
    tx: sa.Connection,
    kind: EntryKind,
    source_id: str,
    *,
    ids: Ids,
    bill_id: str,
    gateway: str,
    amount_minor: int,
    currency: str,
    at: datetime,
) -> Entry:
    """The entry of an approved charge: the gateway owes us, and the bill is paid by as much. Of a refund: the
    charge's, turned round. Of a refund that came back: the refund's, turned round.
    """
    owed_minor = -amount_minor if kind is EntryKind.REFUND else amount_minor
    lines = (Line(receivable(gateway), owed_minor, currency), Line(BILLS_PAID, -owed_minor, currency))
    return _write(tx, Entry(ids.new("entry"), kind, source_id, bill_id, at, lines))


def _write(tx: sa.Connection, entry: Entry) -> Entry:
    sums: defaultdict[str, int] = defaultdict(int)
    for line in entry.lines:
        sums[line.currency] += line.amount_minor
    if len(entry.lines) < 2 or any(sums.values()) or not all(line.amount_minor for line in entry.lines):  # noqa: PLR2004 - double entry
        raise UnbalancedError(f"the {entry.kind} of {entry.source_id} does not balance")
    own = {name: getattr(entry, name) for name in ("id", "kind", "source_id", "bill_id", "at")}
    tx.execute(sa.insert(ledger_entry).values(**own))
    tx.execute(sa.insert(ledger_line), [{"entry_id": entry.id, **asdict(line)} for line in entry.lines])
    return entry


def has(tx: sa.Connection, kind: EntryKind, source_id: str) -> bool:
    """Whether the entry is written."""
    here = sa.and_(ledger_entry.c.kind == kind, ledger_entry.c.source_id == source_id)
    return tx.execute(sa.select(ledger_entry.c.id).where(here)).first() is not None


def balance(tx: sa.Connection, account: str) -> dict[str, int]:
    """The account's balance in minor units by currency; an account without lines has none."""
    rows = tx.execute(
        sa.select(ledger_line.c.currency, sa.func.sum(ledger_line.c.amount_minor))
        .where(ledger_line.c.account == account)
        .group_by(ledger_line.c.currency)
    )
    return {currency: int(total) for currency, total in rows}


def unbalanced(tx: sa.Connection) -> list[str]:
    """The ids of entries whose lines do not sum to zero in each currency, or that have no lines: always none,
    unless somebody changed the tables by hand.
    """
    total = sa.func.coalesce(sa.func.sum(ledger_line.c.amount_minor), 1)
    query = (
        sa.select(ledger_entry.c.id)
        .outerjoin(ledger_line, ledger_line.c.entry_id == ledger_entry.c.id)
        .group_by(ledger_entry.c.id, ledger_line.c.currency)
        .having(total != 0)
    )
    return sorted(set(tx.execute(query).scalars()))
