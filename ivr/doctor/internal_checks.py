"""The doctor's checks of what is in our own database: workers, and what is stuck.

Reads only. A fault names payments by the reference that callers were told.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.doctor.checks import FaultError
from ivr.finance import ledger
from ivr.fraud import lockouts
from ivr.fraud.breaker import BreakerState, state_at
from ivr.payments import discrepancies as differences
from ivr.platform.database.engine import reading
from ivr.platform.database.schema import attempt, confirmation, customer, payout, refund
from ivr.platform.lockout import LockoutKind
from ivr.platform.phone_numbers.identity import identity_of

PATIENCE = timedelta(hours=1)
"""An unknown charge is usually resolved within minutes, and a text sent within seconds."""
DIFFERENCES_SHOWN = timedelta(days=7)
_SHOWN_MAX = 5


def worker_lives(count: Callable[[], int]) -> str:
    living = count()
    if not living:
        raise FaultError("No worker runs, so nothing is charged or sent: start `paybycall serve worker`.")
    return f"{living} worker{'s' if living > 1 else ''} running"


def no_payment_is_stuck(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """No charge waits for a person or has been unknown for long."""
    late = sa.and_(attempt.c.state == "unknown", attempt.c.unknown_since < now() - PATIENCE)
    _none_is_stuck(
        engine,
        attempt.c.reference,
        late,
        tells="what is known",
        late_is="These payments have been unknown for more than an hour: {}. Check that the worker reaches "
        "the gateway.",
    )
    return "no payment needs review"


def no_refund_is_stuck(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """No refund waits for a person, or has had no end for long."""
    late = sa.and_(refund.c.state.in_(["asked", "unknown"]), refund.c.created_at < now() - PATIENCE)
    _none_is_stuck(
        engine,
        refund.c.id,
        late,
        tells="of which payment",
        late_is="These refunds have been pending for more than an hour: {}. "
        "Check that the gateway's balance covers them, and that GATEWAY is the gateway of the payment.",
    )
    return "no refund needs review"


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
            f"These need review in the gateway's dashboard and a decision: {_some(waiting)}. "
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
            f"The gateway, or the source of a bill, differs from our books: {_some(differing)}. "
            f"`paybycall payment show` tells how; each is listed here for a week."
        )
    return "nothing has differed from our books for a week"


def books_balance(engine: sa.Engine) -> str:
    """Every entry of the ledger sums to zero."""
    with reading(engine) as tx:
        broken = ledger.unbalanced(tx)
    if broken:
        raise FaultError(
            f"The ledger does not balance at {_some(broken)}: its tables were changed by hand. Compare "
            f"these entries "
            f"with a backup before you go on."
        )
    return "every entry of the ledger balances"


def payouts_arrive(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """For a week, the gateway has told of no payout that failed."""
    failed = sa.select(payout.c.reference).where(payout.c.failed_at >= now() - DIFFERENCES_SHOWN)
    with reading(engine) as tx:
        references = list(tx.execute(failed.order_by(payout.c.failed_at, payout.c.id)).scalars())
    if references:
        raise FaultError(
            f"The merchant's bank refused these payouts: {_some(references)}. Check the bank account in "
            f"the gateway's "
            f"dashboard. `paybycall payout show` tells why; each is listed here for a week."
        )
    return "no payout has failed for a week"


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
            f"Two customers have the same telephone number in two forms, and one has a saved card: "
            f"{_some(twice)}. "
            f"`paybycall card list` shows the cards of both; delete the one that is not needed."
        )
    return "no customer is stored twice"


def cards_are_taken(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """The breaker on the share of declines is closed; the lockouts of callers and bills are counted."""
    with reading(engine) as tx:
        where = state_at(tx, now())
        standing = [one for one in lockouts.listed(tx, now()) if one.kind is not LockoutKind.BREAKER]
    if where is not BreakerState.CLOSED:
        raise FaultError(
            "Too many charges were declined, so no cards are taken, or only a few as a trial: look for "
            "card testing in "
            "`paybycall payment list`, then use `paybycall lockout list` and `lift`."
        )
    return f"cards are taken; active lockouts: {len(standing)}" if standing else "cards are taken"


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
        waiting = " Then use `paybycall message list` and `paybycall message resend`." if held else ""
        raise FaultError(
            f"No text has arrived for these payments: {_some([row.reference for row in rows])}{why}. "
            f"Check SMS_FROM and the carrier's log.{waiting}"
        )
    return "texts are sent and delivered"


def no_job_failed(failed: Callable[[], Sequence[str]], strays: Callable[[], Sequence[str]]) -> str:
    """No background work was given up, and none waits that no worker of this release would do."""
    if names := failed():
        raise FaultError(
            f"Background jobs failed and are not tried again: {_some(list(names))}. The worker's log says "
            f"why."
        )
    if names := strays():
        raise FaultError(
            f"No worker of this release knows these jobs: {_some(list(names))}. Restart workers that are "
            f"older than web."
        )
    return "no background job has failed"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN_MAX])
    return shown if len(names) <= _SHOWN_MAX else f"{shown} and {len(names) - _SHOWN_MAX} more"
