"""Tries of cards as rows, and what they add up to.

A try is open from the moment it is let through until its outcome is known, and an open one counts as if it
were declined: so calls at the same moment cannot exceed a cap together. Whoever lets a try through holds the
locks of `hold`; outcomes only ever take from what counts, and need none.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from gateways.declines import Decline
from ivr.fraud.identity import Suspect
from ivr.fraud.limits import Kind
from ivr.platform.database.schema import bill, card_try
from ivr.platform.ids import Ids

OPEN_COUNTS = timedelta(minutes=15)
"""How long an open try counts as if it were declined. One that is unknown for longer is the gateway's
trouble, and teaches nobody anything about a card.
"""


class TryState(StrEnum):
    """How a try ended, or that it has not."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    VOID = "void"
    """No issuer was asked, or said anything about the card."""


NOT_ABOUT_THE_CARD = frozenset({Decline.CONFIG_ERROR, Decline.ISSUER_UNAVAILABLE})
"""Declines that count for nobody: the fault is ours, or the bank's."""
NOT_FOR_THE_BREAKER = frozenset({Decline.AUTHENTICATION_REQUIRED})
"""A tester learns something from it, but issuers of a whole country may say it to every telephone order."""


def is_counted(decline: Decline | None) -> bool:
    """Whether this decline says that somebody tried a card that is not good."""
    return decline not in NOT_ABOUT_THE_CARD


@dataclass(frozen=True, slots=True)
class Sum:
    """Tries within the window; by weight where they are a caller's."""

    declined: int
    under_way: int
    ended: int


_COLUMNS = {Kind.CALL: card_try.c.call_id, Kind.CALLER: card_try.c.caller, Kind.BILL: card_try.c.bill_id}


def _sums(kind: Kind) -> sa.Select[tuple[int, int, int]]:
    """The columns of a `Sum`, of the tries of one subject after a moment."""
    state = card_try.c.state
    # A number in doubt says nothing against a call or a bill.
    weight = card_try.c.weight if kind is Kind.CALLER else sa.literal(1)
    fresh = (state == TryState.OPEN) & (card_try.c.at > sa.bindparam("open_after"))
    ended = state.in_((TryState.DECLINED, TryState.APPROVED))
    sums = [
        sa.func.coalesce(sa.func.sum(weight).filter(one), 0)
        for one in (state == TryState.DECLINED, fresh, ended)
    ]
    return sa.select(*sums).where(
        _COLUMNS[kind] == sa.bindparam("subject"), card_try.c.at > sa.bindparam("after")
    )


_HELD_BILL = sa.select(bill.c.id).where(bill.c.id == sa.bindparam("wanted")).with_for_update(key_share=True)
_SUMS = {kind: _sums(kind) for kind in _COLUMNS}
"""Built once: they are asked for at each card, for each that is counted."""


def names(suspect: Suspect) -> list[tuple[Kind, str]]:
    """Under what a try of this suspect is counted."""
    found = ((Kind.CALL, suspect.call_id), (Kind.CALLER, suspect.caller), (Kind.BILL, suspect.bill_id))
    return [(kind, subject) for kind, subject in found if subject is not None]


def hold(tx: sa.Connection, suspect: Suspect) -> None:
    """Until the transaction ends, nobody else lets a try through for this call, caller or bill.

    The bill's row comes first: whoever moves an attempt has it already when its outcome is counted here.
    """
    tx.execute(_HELD_BILL, {"wanted": suspect.bill_id})
    hold_names(tx, [f"{kind}:{subject}" for kind, subject in names(suspect)])


def hold_names(tx: sa.Connection, wanted: Iterable[str]) -> None:
    """Advisory locks, always in the same order; SQLite has one writer anyway."""
    if tx.dialect.name != "postgresql":
        return
    for name in sorted(wanted):
        digest = hashlib.sha256(f"card-try:{name}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def counted(
    tx: sa.Connection,
    kind: Kind,
    subject: str,
    *,
    window: timedelta,
    last_end: datetime | None,
    now: datetime,
) -> Sum:
    """What this subject tried within the window, and not before the end of its last lockout."""
    query, within = _SUMS[kind], {"subject": subject, "after": now - window, "open_after": now - OPEN_COUNTS}
    if last_end is not None:
        query = query.where(card_try.c.at >= last_end)
    return Sum(*(int(value) for value in tx.execute(query, within).one()))


def add(
    tx: sa.Connection,
    suspect: Suspect,
    now: datetime,
    ids: Ids,
    *,
    attempt_id: str | None = None,
    decline: Decline | None = None,
) -> None:
    """A try that is let through, or one that was declined already."""
    tx.execute(
        card_try.insert().values(
            id=ids.new("try"),
            attempt_id=attempt_id,
            call_id=suspect.call_id,
            caller=suspect.caller,
            bill_id=suspect.bill_id,
            weight=suspect.weight,
            state=TryState.OPEN if decline is None else TryState.DECLINED,
            decline=decline,
            at=now,
            ended_at=None if decline is None else now,
        )
    )


def end(
    tx: sa.Connection, attempt_id: str, state: TryState, now: datetime, decline: Decline | None = None
) -> Suspect | None:
    """The attempt's try has ended so; whose it was, or None where no try was counted for it."""
    row = tx.execute(
        sa.select(card_try.c.bill_id, card_try.c.call_id, card_try.c.caller, card_try.c.weight).where(
            card_try.c.attempt_id == attempt_id
        )
    ).one_or_none()
    if row is None:
        return None
    tx.execute(
        card_try.update()
        .where(card_try.c.attempt_id == attempt_id)
        .values(state=state, decline=decline, ended_at=now)
    )
    return Suspect(row.bill_id, row.call_id, row.caller, row.weight)


def forget(tx: sa.Connection, before: datetime) -> int:
    """Forgets the tries that count no more; how many."""
    return tx.execute(card_try.delete().where(card_try.c.at <= before)).rowcount
