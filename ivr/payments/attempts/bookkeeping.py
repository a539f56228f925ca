"""What the end of an attempt does to its bill and to the ledger, in the transaction of the move.

An approved charge is booked even where the bill, or another payment, contradicts it: the money was taken. The
discrepancy is written into the payment's history, and logged, for finance.
"""

from datetime import datetime

import sqlalchemy as sa
import structlog

from ivr.bills import reservation
from ivr.finance import ledger
from ivr.finance.ledger import EntryKind
from ivr.payments import history
from ivr.payments.attempts import store
from ivr.payments.attempts.states import FINAL, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.history import Difference
from ivr.platform.ids import Ids
from ivr.platform.money import plain

log = structlog.get_logger()


def settle(tx: sa.Connection, attempt: Attempt, ids: Ids, now: datetime) -> None:
    """Books an approved attempt; frees the part of the bill of one that ended without a charge."""
    if attempt.state is State.APPROVED:
        reservation.settle(tx, attempt.bill_id, attempt.amount_minor, now)
        ledger.post(
            tx,
            EntryKind.CHARGE,
            attempt.id,
            ids=ids,
            bill_id=attempt.bill_id,
            gateway=attempt.gateway,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            at=now,
        )
        _compare_with_source(tx, attempt, now)
        _compare_with_others(tx, attempt, now)
    elif attempt.state in FINAL:
        reservation.release(tx, attempt.bill_id, attempt.amount_minor, now)


def _compare_with_source(tx: sa.Connection, attempt: Attempt, now: datetime) -> None:
    """The bill's source may have reported it as paid, or withdrawn it. Nothing is refunded by itself: the
    source may have meant this very payment.
    """
    if over_minor := reservation.overpaid_minor(tx, attempt.bill_id):
        over = plain(over_minor, attempt.currency)
        note = f"the bill had been reported as paid elsewhere: {over} is paid twice"
        _report(tx, attempt, Difference.PAID_ELSEWHERE_TOO, note, now)
    if reservation.is_withdrawn(tx, attempt.bill_id):
        _report(tx, attempt, Difference.PAID_THOUGH_WITHDRAWN, "the bill had been withdrawn", now)


def _compare_with_others(tx: sa.Connection, attempt: Attempt, now: datetime) -> None:
    """One charge of the gateway belongs to one payment. Where two hold it, both stay booked until a person
    says whose it is: a constraint here would keep the true one out of the books.
    """
    if attempt.gateway_reference is None:
        return
    if other := store.other_of_charge(tx, attempt, attempt.gateway_reference, State.APPROVED):
        note = (
            f"payment {other} has the same charge: find out which of the two it belongs to, and whether "
            "the other one was charged"
        )
        _report(tx, attempt, Difference.CHARGE_OF_TWO_PAYMENTS, note, now)


def _report(tx: sa.Connection, attempt: Attempt, what: Difference, note: str, now: datetime) -> None:
    facts = {"attempt_id": attempt.id, "call_id": attempt.call_id, "reference": attempt.reference}
    log.error(str(what), note=note, **facts)
    history.add(tx, attempt.id, what, attempt.state, at=now, note=note)
