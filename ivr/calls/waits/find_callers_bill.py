"""The one bill of the number that is calling."""

from flows.language import FindCallersBill
from ivr.bills import store as bills
from ivr.calls.payable_bill import exit_of_unpaid, is_payable
from ivr.calls.session import Session
from ivr.calls.wait_handler import WaitHandler
from ivr.calls.wait_result import LeftBy, Turn
from ivr.payments.links.store import open_links


class FindCallersBillHandler(WaitHandler[FindCallersBill]):
    """Finds the one bill of this number that can be paid, or has a link."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: FindCallersBill) -> LeftBy:
        del wait
        number = turn.own_number
        if number is None:
            return LeftBy(session, "none")
        owed = bills.unpaid_for_phone(turn.tx, number)
        mine = {bill.id: bill for bill in owed if is_payable(bill)}
        for link in open_links(turn.tx, payer_phone=number):
            mine[link.bill_id] = bills.get(turn.tx, link.bill_id)
        if len(mine) == 1:
            [bill] = mine.values()
            exit_name, facts = exit_of_unpaid(self.services, turn, bill)
            return LeftBy(session, "one" if exit_name == "payable" else exit_name, facts)
        return LeftBy(session, "being_paid" if not mine and len(owed) == 1 else "none")
