"""Which bill: by its reference, in our books or the merchant's, or the one open bill of the number that
calls.

Guesses are capped over calls: an unknown reference counts, whoever keyed it. Our ledger overrides a
merchant's system that still says open.
"""

from typing import Any

import structlog

from flows.language import BillFacts
from gateways.contract import Capabilities
from ivr.bills import store as bills
from ivr.bills.bill import Bill, BillChangeError
from ivr.calls.remote_calls import AskMerchant
from ivr.calls.session import Session
from ivr.calls.spoken_facts import bill_facts, link_facts
from ivr.calls.wait_result import Fulfilment, Left, MustRun, Turn
from ivr.customers.reference_guesses import Guesses
from ivr.integrations.bill_lookup import LookupAnswer, MerchantBill, NotFound, Unreachable
from ivr.payments.attempts import store as records
from ivr.payments.links.open_links import open_links, was_texted
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids

log = structlog.get_logger()


class BillWaits:
    """Fulfils FindBill and FindCallersBill."""

    def __init__(
        self,
        *,
        guesses: Guesses,
        asks_merchant: bool,
        gateway: Capabilities,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._guesses = guesses
        self._gateway = gateway
        self._asks_merchant = asks_merchant
        self._clock = clock
        self._ids = ids

    def find_callers(self, turn: Turn, session: Session) -> Fulfilment:
        """The one bill of this number that can be paid, or has a link; else whether one is all under way."""
        number = turn.own_number
        if number is None:
            return Left(session, "none")
        owed = bills.unpaid_for_phone(turn.tx, number)
        mine = {bill.id: bill for bill in owed if _is_payable(bill)}
        for link in open_links(turn.tx, payer_phone=number):
            mine[link.bill_id] = bills.get(turn.tx, link.bill_id)
        if len(mine) == 1:
            [bill] = mine.values()
            exit_name, facts = self._payable(turn, bill)
            return Left(session, "one" if exit_name == "payable" else exit_name, facts)
        return Left(session, "being_paid" if not mine and len(owed) == 1 else "none")

    def find(self, turn: Turn, session: Session, reference: str) -> Fulfilment:
        if self._guesses.too_many(turn.tx, turn.own, self._clock.now()):
            return Left(session, "too_many_guesses")
        bill = bills.find(turn.tx, reference)
        if self._asks_merchant and (bill is None or bill.source == "lookup"):
            return MustRun(session, AskMerchant(reference, turn.name))
        return self._found(turn, session, bill or _of_payment(turn, reference))

    def heard_from_merchant(
        self, turn: Turn, session: Session, reference: str, answer: LookupAnswer
    ) -> Fulfilment:
        match answer:
            case MerchantBill(new):
                try:
                    bills.upsert(turn.tx, new, source="lookup", clock=self._clock, ids=self._ids)
                except BillChangeError as fault:  # a payment is under way: what we hold is what counts
                    log.warning("look_up_not_taken_over", fault=str(fault))
                return self._found(turn, session, bills.find(turn.tx, new.reference))
            case NotFound():
                return self._found(turn, session, _of_payment(turn, reference))
            case Unreachable():
                return Left(session, "unavailable")

    def _found(self, turn: Turn, session: Session, bill: Bill | None) -> Fulfilment:
        if bill is None or bill.withdrawn:
            self._guesses.add(turn.tx, turn.own, self._clock.now())
            return Left(session, "not_found")
        if bill.is_paid:
            return Left(session, "already_paid")
        exit_name, facts = self._payable(turn, bill)
        return Left(session, exit_name, facts)

    def _payable(self, turn: Turn, bill: Bill) -> tuple[str, dict[str, Any]]:
        """The exit of a bill that is not paid, and its facts. A link that this caller has comes first."""
        for attempt in open_links(turn.tx, payer_phone=turn.own_number, bill_reference=bill.reference):
            if was_texted(turn.tx, attempt):
                link = link_facts(turn, attempt, self._clock.now())
                return "link_open", {"bill": self._facts(bill), "link": link}
        if not _is_payable(bill):
            return "being_paid", {}
        return "payable", {"bill": self._facts(bill), "link": None}

    def _facts(self, bill: Bill) -> BillFacts:
        """The operator is told, too, where it can take nothing: a look-up's bill passes no import."""
        facts = bill_facts(bill, self._gateway)
        if facts.most is not None and facts.most.minor == 0:
            log.error("amount_not_taken", amount=str(facts.due))
        return facts


def _of_payment(turn: Turn, reference: str) -> Bill | None:
    """Who notes the reference of a payment keys it when they ring again: it leads to what they paid."""
    bill_id = records.bill_id_of(turn.tx, reference)
    return None if bill_id is None else bills.get(turn.tx, bill_id)


def _is_payable(bill: Bill) -> bool:
    return not bill.is_paid and not bill.is_being_paid and bill.payable_minor > 0
