"""Bills and links as the caller hears of them: the facts that the host lays into a flow's state.

May import `ivr.bills`, `ivr.payments` and `ivr.calls.fulfilment`.
"""

from datetime import datetime

from flows.language import Amount, BillFacts, LinkFacts
from ivr.bills.bill import Bill
from ivr.calls.fulfilment import Turn
from ivr.payments import pay_link
from ivr.payments.attempt import Attempt


def bill_facts(bill: Bill) -> BillFacts:
    """The bill as the caller hears of it."""
    return BillFacts(
        reference=bill.reference,
        due=Amount(bill.payable_minor, bill.currency),
        minimum=Amount(bill.minimum_payable_minor, bill.currency),
        due_date=bill.due_date,
    )


def link_facts(turn: Turn, attempt: Attempt, now: datetime) -> LinkFacts:
    """The link as the caller hears of it."""
    link = pay_link.of(turn.tx, attempt)
    return LinkFacts(
        reference=attempt.reference,
        amount=Amount(attempt.amount_minor, attempt.currency),
        minutes=0 if link is None else link.minutes_left(now),
    )
