"""Which bill: by its reference, in our books or the merchant's, or the one open bill of the number that
calls.

May import `ivr.bills`, `ivr.customers`, `ivr.payments` and the rest of `ivr.calls`. Guesses are capped over
calls: an unknown reference counts, whoever keyed it. Our ledger overrides a merchant's system that still says
open.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from flows.language import BillFacts
from ivr.bills import store as bills
from ivr.bills.bill import Bill, BillChangeError
from ivr.bills.lookup import LookupAnswer, MerchantBill, NotFound, Unreachable
from ivr.calls.errands import AskMerchant
from ivr.calls.fulfilment import Fulfilment, Left, MustRun, Turn
from ivr.calls.session import Session
from ivr.calls.told import bill_facts, link_facts
from ivr.clock import Clock
from ivr.customers.guesses import Guesses
from ivr.ids import Ids
from ivr.payments.attempt import Attempt
from ivr.payments.open_links import open_links

log = structlog.get_logger()


class BillWaits:
    """Fulfils FindBill and FindCallersBill."""

    def __init__(
        self,
        *,
        guesses: Guesses,
        asks_merchant: bool,
        least_minor: Mapping[str, int],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`least_minor`: what the gateway charges at least, by currency."""
        self._guesses = guesses
        self._least_minor = least_minor
        self._asks_merchant = asks_merchant
        self._clock = clock
        self._ids = ids

    def find_callers(self, turn: Turn, session: Session) -> Fulfilment:
        if turn.caller.number is None:
            return Left(session, "none")
        found = [bill for bill in bills.open_for_phone(turn.tx, turn.caller.number) if _is_payable(bill)]
        if len(found) == 1:
            return Left(session, "one", {"bill": self._facts(found[0])})
        links = open_links(turn.tx, payer_phone=turn.caller.number)
        if found or len({link.bill_id for link in links}) != 1:
            return Left(session, "none")
        bill = bills.get(turn.tx, links[0].bill_id)
        return Left(session, "link_open", self._link_facts(turn, bill, links[0]))

    def find(self, turn: Turn, session: Session, reference: str) -> Fulfilment:
        if self._guesses.too_many(turn.tx, turn.caller, self._clock.now()):
            return Left(session, "too_many_guesses")
        bill = bills.find(turn.tx, reference)
        if self._asks_merchant and (bill is None or bill.source == "lookup"):
            return MustRun(session, AskMerchant(reference, turn.name))
        return self._found(turn, session, bill)

    def heard_from_merchant(self, turn: Turn, session: Session, answer: LookupAnswer) -> Fulfilment:
        match answer:
            case MerchantBill(new):
                try:
                    bills.upsert(turn.tx, new, source="lookup", clock=self._clock, ids=self._ids)
                except BillChangeError as fault:  # a payment is under way: what we hold is what counts
                    log.warning("look_up_not_taken_over", fault=str(fault))
                return self._found(turn, session, bills.find(turn.tx, new.reference))
            case NotFound():
                return self._found(turn, session, None)
            case Unreachable():
                return Left(session, "unavailable")

    def _found(self, turn: Turn, session: Session, bill: Bill | None) -> Fulfilment:
        if bill is None or bill.withdrawn:
            self._guesses.add(turn.tx, turn.caller, self._clock.now())
            return Left(session, "not_found")
        if bill.is_paid:
            return Left(session, "already_paid")
        if not _is_payable(bill):
            links = open_links(turn.tx, payer_phone=turn.caller.number, bill_reference=bill.reference)
            if links:
                return Left(session, "link_open", self._link_facts(turn, bill, links[0]))
            return Left(session, "being_paid")
        return Left(session, "payable", {"bill": self._facts(bill)})

    def _facts(self, bill: Bill) -> BillFacts:
        return bill_facts(bill, self._least_minor)

    def _link_facts(self, turn: Turn, bill: Bill, link: Attempt) -> dict[str, Any]:
        return {"bill": self._facts(bill), "link": link_facts(turn, link, self._clock.now())}


def _is_payable(bill: Bill) -> bool:
    return not bill.is_paid and not bill.is_being_paid and bill.payable_minor > 0
