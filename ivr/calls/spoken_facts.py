"""Bills and links as the caller hears of them: the facts put into a flow's state."""

from datetime import datetime

from flows.language import Amount, BillFacts, LinkFacts
from gateways.contract import Capabilities
from ivr.bills.bill import Bill
from ivr.calls.wait_result import Turn
from ivr.payments.attempts.service import Attempt
from ivr.payments.links import store as pay_link


def bill_facts(bill: Bill, gateway: Capabilities) -> BillFacts:
    """The bill as the caller hears of it. They may not pay less than the gateway charges at least, and are
    not asked for more than it charges at once.
    """
    due = bill.payable_minor
    minimum = min(max(bill.minimum_payable_minor, gateway.minimum_amounts.get(bill.currency, 0)), due)
    most = gateway.largest_charge(due, bill.currency)
    return BillFacts(
        reference=bill.reference,
        due=Amount(due, bill.currency),
        minimum=Amount(minimum, bill.currency),
        due_date=bill.due_date,
        most=None if most == due else Amount(most if most >= minimum else 0, bill.currency),
    )


def link_facts(turn: Turn, attempt: Attempt, now: datetime) -> LinkFacts:
    """The link as the caller hears of it."""
    link = pay_link.of(turn.tx, attempt)
    return LinkFacts(
        reference=attempt.reference,
        amount=Amount(attempt.amount_minor, attempt.currency),
        minutes=0 if link is None else link.minutes_left(now),
    )
