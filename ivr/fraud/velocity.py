"""Card attempts as rows, and how many of them count against a call, a caller or a bill.

A card attempt is open from the moment it is let through until its outcome is known. For 15 minutes an open
one counts as if it were declined, so calls at the same moment cannot exceed a limit together. Code that lets
an attempt through holds the locks of `hold`. `end` needs no lock: within those 15 minutes an outcome never
raises the count.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from gateways.declines import Decline
from ivr.bills.views import bill
from ivr.fraud.identity import PayerIdentity
from ivr.fraud.tables import card_try
from ivr.platform.database.engine import count_by, hold_locks, lock_number_of
from ivr.platform.ids import Ids
from ivr.platform.lockout import LockoutKind

OPEN_COUNTS_FOR = timedelta(minutes=15)
"""How long an open attempt counts as if it were declined. After that it counts only once its outcome is
known: a card tester learns nothing from a gateway that does not answer.
"""
NOT_FOR_THE_BREAKER = frozenset({Decline.AUTHENTICATION_REQUIRED})
"""Not counted by the breaker: some countries' issuers answer every phone payment this way. It still counts
against caller, call and bill.
"""


class CardAttemptState(StrEnum):
    """How a card attempt ended, or that it has not."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    VOID = "void"
    """No issuer was asked, or none said anything about the card."""


@dataclass(frozen=True, slots=True)
class CardAttemptCounts:
    """Card attempts of one subject within the window; a caller's are counted by weight."""

    declined: int
    under_way: int
    ended: int


@dataclass(frozen=True, slots=True)
class ChargeCounts:
    """Card attempts of everybody, as the breaker counts them."""

    approved: int
    declined: int
    under_way: int = 0

    @property
    def ended(self) -> int:
        return self.approved + self.declined


_COLUMNS = {
    LockoutKind.CALL: card_try.c.call_id,
    LockoutKind.CALLER: card_try.c.caller,
    LockoutKind.BILL: card_try.c.bill_id,
}


def _counts_of(kind: LockoutKind) -> sa.Select[tuple[int, int, int]]:
    """Selects the fields of CardAttemptCounts for one subject, after a moment."""
    state = card_try.c.state
    # The extra weight for an unverified number applies only to the caller's count.
    weight = card_try.c.weight if kind is LockoutKind.CALLER else sa.literal(1)
    declined = state == CardAttemptState.DECLINED
    under_way = (state == CardAttemptState.OPEN) & (card_try.c.at > sa.bindparam("open_after"))
    ended = state.in_((CardAttemptState.DECLINED, CardAttemptState.APPROVED))
    sums = [sa.func.coalesce(sa.func.sum(weight).filter(one), 0) for one in (declined, under_way, ended)]
    of_subject = _COLUMNS[kind] == sa.bindparam("subject")
    return sa.select(*sums).where(of_subject, card_try.c.at > sa.bindparam("after"))


# Built once: they run for each card and each subject that is counted.
_COUNTS = {kind: _counts_of(kind) for kind in _COLUMNS}
_BILL_FOR_UPDATE = (
    sa.select(bill.c.id).where(bill.c.id == sa.bindparam("wanted")).with_for_update(key_share=True)
)


def subjects_of(identity: PayerIdentity) -> list[tuple[LockoutKind, str]]:
    """What an attempt of this payer is counted against."""
    found = (
        (LockoutKind.CALL, identity.call_id),
        (LockoutKind.CALLER, identity.caller),
        (LockoutKind.BILL, identity.bill_id),
    )
    return [(kind, subject) for kind, subject in found if subject is not None]


def hold(tx: sa.Connection, identity: PayerIdentity) -> None:
    """Until the transaction ends, nobody else lets an attempt through for this call, caller or bill.

    The bill's row comes first: whoever moves a payment has locked it before its outcome is counted here.
    """
    tx.execute(_BILL_FOR_UPDATE, {"wanted": identity.bill_id})
    hold_subjects(tx, [f"{kind}:{subject}" for kind, subject in subjects_of(identity)])


def hold_subjects(tx: sa.Connection, subjects: Iterable[str]) -> None:
    """Advisory locks by name, always in the same order."""
    digests = [hashlib.sha256(f"card-try:{subject}".encode()).digest() for subject in sorted(subjects)]
    hold_locks(tx, map(lock_number_of, digests))


def counted(
    tx: sa.Connection,
    kind: LockoutKind,
    subject: str,
    *,
    window: timedelta,
    last_end: datetime | None,
    now: datetime,
) -> CardAttemptCounts:
    """The subject's attempts within the window, and not before the end of its last lockout."""
    query = _COUNTS[kind]
    if last_end is not None:
        query = query.where(card_try.c.at >= last_end)
    values = {"subject": subject, "after": now - window, "open_after": now - OPEN_COUNTS_FOR}
    return CardAttemptCounts(*(int(value) for value in tx.execute(query, values).one()))


def charges_ended_since(tx: sa.Connection, since: datetime) -> ChargeCounts:
    """Attempts of everybody that ended after `since`."""
    query = sa.select(_count(_approved()), _count(_declined_for_breaker()))
    return ChargeCounts(*tx.execute(query.where(card_try.c.ended_at > since)).one())


def charges_begun_since(tx: sa.Connection, since: datetime, now: datetime) -> ChargeCounts:
    """Attempts of everybody that were let through from `since` on."""
    under_way = (card_try.c.state == CardAttemptState.OPEN) & (card_try.c.at > now - OPEN_COUNTS_FOR)
    query = sa.select(_count(_approved()), _count(_declined_for_breaker()), _count(under_way))
    return ChargeCounts(*tx.execute(query.where(card_try.c.at >= since)).one())


def _approved() -> sa.ColumnElement[bool]:
    return card_try.c.state == CardAttemptState.APPROVED


def _declined_for_breaker() -> sa.ColumnElement[bool]:
    ignored = card_try.c.decline.in_(sorted(NOT_FOR_THE_BREAKER))
    counts = sa.or_(card_try.c.decline.is_(None), sa.not_(ignored))
    return (card_try.c.state == CardAttemptState.DECLINED) & counts


def _count(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count().filter(which)


def add(
    tx: sa.Connection,
    identity: PayerIdentity,
    now: datetime,
    ids: Ids,
    *,
    attempt_id: str | None = None,
    decline: Decline | None = None,
) -> None:
    """A card attempt that is let through, or one that was declined already. `attempt_id`: of its payment."""
    row = {
        "id": ids.new("try"),
        "attempt_id": attempt_id,
        "call_id": identity.call_id,
        "caller": identity.caller,
        "bill_id": identity.bill_id,
        "weight": identity.weight,
        "state": CardAttemptState.OPEN if decline is None else CardAttemptState.DECLINED,
        "decline": decline,
        "at": now,
        "ended_at": None if decline is None else now,
    }
    tx.execute(card_try.insert(), row)


def end(
    tx: sa.Connection,
    attempt_id: str,
    state: CardAttemptState,
    now: datetime,
    decline: Decline | None = None,
) -> PayerIdentity | None:
    """Ends the card attempt of this payment; returns whose it was, or None if none was counted."""
    of_payment = card_try.c.attempt_id == attempt_id
    columns = (card_try.c.bill_id, card_try.c.call_id, card_try.c.caller, card_try.c.weight)
    row = tx.execute(sa.select(*columns).where(of_payment)).one_or_none()
    if row is None:
        return None
    tx.execute(card_try.update().where(of_payment).values(state=state, decline=decline, ended_at=now))
    return PayerIdentity(row.bill_id, row.call_id, row.caller, row.weight)


def forget(tx: sa.Connection, before: datetime) -> int:
    """Deletes the attempts that no longer count; returns how many."""
    return tx.execute(card_try.delete().where(card_try.c.at <= before)).rowcount


def count_by_state(tx: sa.Connection) -> list[tuple[str, int]]:
    """The states that there are, and how many card attempts are in each."""
    return count_by(tx, card_try.c.state)
