"""The doctor's checks of what is in our own database: workers, and what is stuck.

Reads only. A fault names payments by the reference that callers were told.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from ivr.customers import customer
from ivr.doctor.checks import FaultError
from ivr.finance import ledger, payout_queries
from ivr.fraud import lockouts
from ivr.fraud.breaker import BreakerState, state_at
from ivr.messaging import messages
from ivr.messaging.states import MessageState
from ivr.payments import history
from ivr.payments.queries import monitoring
from ivr.platform.database.engine import reading
from ivr.platform.lockout import LockoutKind
from ivr.platform.phone_numbers import identity_of

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
    with reading(engine) as tx:
        waiting = monitoring.payments_to_review(tx)
        late = monitoring.payments_unknown_since(tx, now() - PATIENCE)
    _none_waits(waiting, tells="what is known")
    if late:
        raise FaultError(
            f"These payments have been unknown for more than an hour: {_some(late)}. Check that the worker "
            f"reaches the gateway."
        )
    return "no payment needs review"


def no_refund_is_stuck(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """No refund waits for a person, or has had no end for long."""
    with reading(engine) as tx:
        waiting = monitoring.refunds_to_review(tx)
        late = monitoring.refunds_pending_since(tx, now() - PATIENCE)
    _none_waits(waiting, tells="of which payment")
    if late:
        raise FaultError(
            f"These refunds have been pending for more than an hour: {_some(late)}. Check that the gateway's "
            f"balance covers them, and that GATEWAY is the gateway of the payment."
        )
    return "no refund needs review"


def _none_waits(waiting: list[str], *, tells: str) -> None:
    """Raises FaultError where a person has to decide about these."""
    if waiting:
        raise FaultError(
            f"These need review in the gateway's dashboard and a decision: {_some(waiting)}. "
            f"`paybycall payment show` tells {tells}."
        )


def books_and_gateway_agree(engine: sa.Engine, now: Callable[[], datetime]) -> str:
    """For a week, neither the gateway nor a bill's source has said anything against our books."""
    with reading(engine) as tx:
        differing = history.payments_with_discrepancies(tx, now() - DIFFERENCES_SHOWN)
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
    with reading(engine) as tx:
        references = payout_queries.failed_since(tx, now() - DIFFERENCES_SHOWN)
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
    with reading(engine) as tx:
        phones = customer.phones_beginning_with(tx, ("+54", "+55", "+52"))
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
    with reading(engine) as tx:
        found = messages.not_arrived(
            tx, failed_since=now() - timedelta(days=1), pending_before=now() - PATIENCE
        )
        references = monitoring.references_of(tx, {one.attempt_id for one in found})
    if found:
        codes = ", ".join(sorted({one.error_code for one in found if one.error_code}))
        why = f" (the carrier says {codes})" if codes else ""
        held = any(one.state is MessageState.HELD for one in found)
        names = [references[one.attempt_id] for one in found]
        waiting = " Then use `paybycall message list` and `paybycall message resend`." if held else ""
        raise FaultError(
            f"No text has arrived for these payments: {_some(names)}{why}. "
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
