"""A bill that a caller has found: whether it can be paid, and what they hear of it."""

from typing import Any

import structlog

from flows.language import BillFacts
from ivr.bills.bill import Bill
from ivr.calls.call_services import CallServices
from ivr.calls.spoken_facts import bill_facts, link_facts
from ivr.calls.wait_result import Turn
from ivr.payments.links.store import open_links, was_texted

log = structlog.get_logger()


def exit_of_unpaid(services: CallServices, turn: Turn, bill: Bill) -> tuple[str, dict[str, Any]]:
    """The exit of a bill that is not paid, and its facts. A link that this caller has comes first."""
    for attempt in open_links(turn.tx, payer_phone=turn.own_number, bill_reference=bill.reference):
        if was_texted(turn.tx, attempt):
            link = link_facts(turn, attempt, services.clock.now())
            return "link_open", {"bill": _facts(services, bill), "link": link}
    if not is_payable(bill):
        return "being_paid", {}
    return "payable", {"bill": _facts(services, bill), "link": None}


def is_payable(bill: Bill) -> bool:
    return not bill.is_paid and not bill.is_being_paid and bill.payable_minor > 0


def _facts(services: CallServices, bill: Bill) -> BillFacts:
    """The operator is told, too, where the gateway can take nothing: a look-up's bill passes no import."""
    facts = bill_facts(bill, services.gateway)
    if facts.most is not None and facts.most.minor == 0:
        log.error("amount_not_taken", amount=str(facts.due))
    return facts
