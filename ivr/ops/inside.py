"""The doctor's checks of what stands in our own database: schema, workers, and what got stuck.

Reads only. A fault names payments by the reference that callers were told.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.defences import lock_outs
from ivr.defences.breaker import Position, position
from ivr.defences.caps import Kind
from ivr.finance import ledger
from ivr.ops import health
from ivr.ops.doctor import FaultError, LastFaultError
from ivr.payments import differences
from ivr.phone_numbers.identity import identity_of
from ivr.storage.engine import reading
from ivr.storage.schema import attempt, confirmation, customer, payout, refund

PATIENCE = timedelta(hours=1)
"""An unknown charge is usually resolved within minutes, and a text sent within seconds."""
DIFFERENCES_SHOWN = timedelta(days=7)
_SHOWN_MAX = 5


def database_is_current(engine: sa.Engine) -> str:
    for check in health.PARTS.values():
        if said := check(engine):
            raise LastFaultError(f"{said} DATABASE_URL names a {engine.dialect.name} database.")
    return f"{engine.dialect.name} answers, and its schema is of this release or a later one"


def worker_lives(count: Callable[[], int]) -> str:
    living = count()
    if not living:
        raise FaultError("No worker lives, so nothing is charged or sent: start `paybycall serve worker`.")
    return f"{living} worker{'s' if living > 1 else ''} at work"


def no_payment_is_stuck(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """No charge waits for a person or has been unknown for long."""
    late = sa.and_(attempt.c.state == "unknown", attempt.c.unknown_since < now() - PATIENCE)
    _none_is_stuck(
        engine,
        attempt.c.reference,
        late,
        tells="what is known",
        late_is="Unknown for more than an hour: {}. Does the gateway answer the worker?",
    )
    return "no payment waits for a person"


def no_refund_is_stuck(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """No refund waits for a person, or has had no end for long."""
    late = sa.and_(refund.c.state.in_(["asked", "unknown"]), refund.c.created_at < now() - PATIENCE)
    _none_is_stuck(
        engine,
        refund.c.id,
        late,
        tells="of which payment",
        late_is="Without an end for more than an hour: {}. "
        "Is there money in the gateway's balance to give back, and is GATEWAY that of the payment?",
    )
    return "no refund waits for a person"


def _none_is_stuck(
    engine: sa.Engine, name: sa.Column[str], late: sa.ColumnElement[bool], *, tells: str, late_is: str
) -> None:
    """Raises FaultError where rows of the table that `name` is a column of wait for a person, or are late:
    by their names, the earliest first.
    """
    row = name.table.c
    query = sa.select(name).order_by(row.created_at, name)
    with reading(engine) as tx:
        waiting = list(tx.execute(query.where(row.state == "for_a_person")).scalars())
        late_ones = list(tx.execute(query.where(late)).scalars())
    if waiting:
        raise FaultError(
            f"Somebody has to look into the gateway's dashboard and decide: {_some(waiting)}. "
            f"`paybycall payment show` tells {tells}."
        )
    if late_ones:
        raise FaultError(late_is.format(_some(late_ones)))


def books_and_gateway_agree(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """For a week, neither the gateway nor a bill's source has said anything against our books."""
    with reading(engine) as tx:
        differing = differences.payments_since(tx, now() - DIFFERENCES_SHOWN)
    if differing:
        raise FaultError(
            f"The gateway, or a bill's source, says something else than our books: {_some(differing)}. "
            f"`paybycall payment show` tells what; it is named here for a week."
        )
    return "nobody has said anything against our books for a week"


def books_balance(engine: sa.Engine) -> str:
    """Every entry of the ledger sums to zero."""
    with reading(engine) as tx:
        broken = ledger.unbalanced(tx)
    if broken:
        raise FaultError(
            f"The ledger does not balance at {_some(broken)}: somebody changed its tables. Compare these "
            f"entries with a backup before you go on."
        )
    return "every entry of the ledger balances"


def payouts_arrive(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """For a week, the gateway has told of no payout that failed."""
    failed = sa.select(payout.c.reference).where(payout.c.failed_at >= now() - DIFFERENCES_SHOWN)
    with reading(engine) as tx:
        references = list(tx.execute(failed.order_by(payout.c.failed_at, payout.c.id)).scalars())
    if references:
        raise FaultError(
            f"The merchant's bank did not take {_some(references)}: see to the bank account in the gateway's "
            f"dashboard. `paybycall payout show` tells why; it is named here for a week."
        )
    return "no payout failed for a week"


def no_customer_stands_twice(engine: sa.Engine) -> str:
    """No two customers are kept under two forms of one number, as where one of them had a saved card when
    their numbers became one.
    """
    has_forms = sa.or_(*(customer.c.phone.like(f"{code}%") for code in ("+54", "+55", "+52")))
    with reading(engine) as tx:
        phones = set(tx.execute(sa.select(customer.c.phone).where(has_forms)).scalars())
    twice = sorted(phone for phone in phones if identity_of(phone) in phones - {phone})
    if twice:
        raise FaultError(
            f"Two customers are kept under two forms of one number, and one has a saved card: "
            f"{_some(twice)}. Each is known by the very form that calls. "
            f"`paybycall card list` shows the cards of both."
        )
    return "no customer is kept under two forms of one number"


def cards_are_taken(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """The breaker on the share of declines is closed; the lock-outs of callers and bills are counted."""
    with reading(engine) as tx:
        where = position(lock_outs.last(tx, Kind.BREAKER, lock_outs.EVERYBODY), now())
        standing = [one for one in lock_outs.listed(tx, now()) if one.kind is not Kind.BREAKER]
    if where is not Position.CLOSED:
        raise FaultError(
            "Too many charges were declined, and cards are taken from nobody, or from a few to try: look at "
            "`paybycall payment list` for a card tester, then `paybycall lockout list` and `lift`."
        )
    return f"cards are taken; {len(standing)} locked out" if standing else "cards are taken"


def no_text_is_stuck(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """No confirmation waits for the operator, has been on its way for long, or failed since yesterday."""
    day_ago = now() - timedelta(days=1)
    stuck = sa.or_(
        confirmation.c.state == "held",
        sa.and_(confirmation.c.state == "failed", confirmation.c.tried_at >= day_ago),
        sa.and_(
            confirmation.c.state.in_(["queued", "sending", "maybe_sent"]),
            confirmation.c.created_at < now() - PATIENCE,
        ),
    )
    query = sa.select(attempt.c.reference, confirmation.c.error_code, confirmation.c.state).join(
        confirmation, confirmation.c.attempt_id == attempt.c.id
    )
    with reading(engine) as tx:
        rows = tx.execute(query.where(stuck).order_by(confirmation.c.created_at)).all()
    if rows:
        codes = ", ".join(sorted({row.error_code for row in rows if row.error_code}))
        why = f" (the carrier says {codes})" if codes else ""
        held = any(row.state == "held" for row in rows)
        waiting = " Once that is mended: `paybycall message list`, then `resend`." if held else ""
        raise FaultError(
            f"No text has arrived for {_some([row.reference for row in rows])}{why}: "
            f"look at SMS_FROM and the carrier's log.{waiting}"
        )
    return "texts leave and arrive"


def no_job_failed(failed: Callable[[], Sequence[str]], strays: Callable[[], Sequence[str]]) -> str:
    """No background work was given up, and none waits that no worker of this release would do."""
    if names := failed():
        raise FaultError(
            f"Background work failed too often: {_some(list(names))}. The worker's log says why."
        )
    if names := strays():
        raise FaultError(
            f"No worker of this release does this work: {_some(list(names))}. Is one older than the web?"
        )
    return "no background work failed"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN_MAX])
    return shown if len(names) <= _SHOWN_MAX else f"{shown} and {len(names) - _SHOWN_MAX} more"
