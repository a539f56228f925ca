"""A bill by its reference, in our books or the merchant's.

Guesses are limited over calls: each unknown reference counts. Our ledger overrides a
merchant's system that still says open.
"""

import structlog

from flows.language import FindBill
from ivr.bills import store as bills
from ivr.bills.bill import Bill, BillChangeError
from ivr.calls.payable_bill import exit_of_unpaid
from ivr.calls.remote_calls import AskMerchant, RemoteCall, RemoteResponse
from ivr.calls.session import Session
from ivr.calls.turn import LeftBy, NeedsRemoteCall, Turn, WaitResult
from ivr.calls.wait_handler import WaitHandler
from ivr.integrations.bill_lookup import MerchantBill, NotFound, Unreachable
from ivr.payments.attempts import store as records
from ivr.payments.links.store import open_links

log = structlog.get_logger()


class FindBillHandler(WaitHandler[FindBill]):
    """Finds the bill of a reference."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: FindBill) -> WaitResult:
        if self.services.guesses.too_many(turn.tx, turn.own, self.services.clock.now()):
            return LeftBy(session, "too_many_guesses")
        bill = bills.find(turn.tx, wait.reference)
        if self.services.asks_merchant and (bill is None or bill.source == "lookup"):
            return NeedsRemoteCall(session, AskMerchant(wait.reference, turn.name))
        return self._found(turn, session, bill or _of_payment(turn, wait.reference))

    def answered(
        self, turn: Turn, session: Session, wait: FindBill, call: RemoteCall, response: RemoteResponse
    ) -> WaitResult:
        match call, response:
            case AskMerchant(), MerchantBill(new):
                try:
                    bills.upsert(
                        turn.tx, new, source="lookup", clock=self.services.clock, ids=self.services.ids
                    )
                except BillChangeError as fault:  # a payment is under way: what we hold is what counts
                    log.warning("look_up_not_taken_over", fault=str(fault))
                return self._found(turn, session, bills.find(turn.tx, new.reference))
            case AskMerchant(reference), NotFound():
                return self._found(turn, session, _of_payment(turn, reference))
            case AskMerchant(), Unreachable():
                return LeftBy(session, "unavailable")
            case _:
                return super().answered(turn, session, wait, call, response)

    def _found(self, turn: Turn, session: Session, bill: Bill | None) -> LeftBy:
        if bill is None or bill.withdrawn:
            self.services.guesses.add(turn.tx, turn.own, self.services.clock.now())
            return LeftBy(session, "not_found")
        if bill.is_paid:
            return LeftBy(session, "already_paid")
        links = open_links(turn.tx, payer_phone=turn.own.number, bill_reference=bill.reference)
        exit_name, facts = exit_of_unpaid(self.services, turn, bill, links)
        return LeftBy(session, exit_name, facts)


def _of_payment(turn: Turn, reference: str) -> Bill | None:
    """Who notes the reference of a payment keys it when they ring again: it leads to what they paid."""
    bill_id = records.bill_id_of(turn.tx, reference)
    return None if bill_id is None else bills.get(turn.tx, bill_id)
