"""The one bill of the number that is calling."""

from flows.language import FindCallersBill
from ivr.bills import store as bills
from ivr.calls.payable_bill import exit_of_unpaid
from ivr.calls.session import Session
from ivr.calls.turn import LeftBy, Turn
from ivr.calls.wait_handler import WaitHandler
from ivr.payments.links.store import open_links


class FindCallersBillHandler(WaitHandler[FindCallersBill]):
    """Finds the one bill of this number that can be paid, or has a link."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: FindCallersBill) -> LeftBy:
        del wait
        number = turn.own.number
        if number is None:
            return LeftBy(session, "none")
        owed = bills.unpaid_for_phone(turn.tx, number)
        mine = {bill.id: bill for bill in owed if bill.is_payable}
        links = open_links(turn.tx, payer_phone=number)
        for link in links:
            mine[link.bill_id] = bills.get(turn.tx, link.bill_id)
        if len(mine) == 1:
            [bill] = mine.values()
            of_bill = [link for link in links if link.bill_id == bill.id]
            exit_name, facts = exit_of_unpaid(self.services, turn, bill, of_bill)
            return LeftBy(session, "one" if exit_name == "payable" else exit_name, facts)
        return LeftBy(session, "being_paid" if not mine and len(owed) == 1 else "none")
