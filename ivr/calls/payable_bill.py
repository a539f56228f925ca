"""A bill that a caller has found: whether it can be paid, and what they hear of it and of an open link."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog

from flows.language import Amount, BillFacts, LinkFacts
from gateways.capability import Capabilities
from ivr.bills.bill import Bill
from ivr.calls.call_services import CallServices
from ivr.calls.turn import Turn
from ivr.payments.attempts.service import Attempt
from ivr.payments.links import store as pay_link
from ivr.payments.links.store import was_texted

log = structlog.get_logger()


def exit_of_unpaid(
    services: CallServices, turn: Turn, bill: Bill, links: Iterable[Attempt]
) -> tuple[str, dict[str, Any]]:
    """The exit of a bill that is not paid, and its facts. A link that this caller has for it comes first:
    `links` are the open ones, the newest first.
    """
    for attempt in links:
        if was_texted(turn.tx, attempt):
            link = link_facts(turn, attempt, services.clock.now())
            return "link_open", {"bill": _facts(services, bill), "link": link}
    if not bill.is_payable:
        return "being_paid", {}
    return "payable", {"bill": _facts(services, bill), "link": None}


def _facts(services: CallServices, bill: Bill) -> BillFacts:
    """The operator is told, too, where the gateway can take nothing: a look-up's bill passes no import."""
    facts = bill_facts(bill, services.gateway)
    if facts.most is not None and facts.most.minor == 0:
        log.error("amount_not_taken", amount=str(facts.due))
    return facts


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
