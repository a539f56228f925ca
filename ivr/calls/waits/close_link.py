"""An open link is closed before anything else is paid.

Only the gateway's word closes a link: without it the caller is never asked for a card for the same money. A
link is closed only for the number that it was texted to.
"""

from datetime import datetime

from flows.language import CloseLink
from ivr.bills import store as bills
from ivr.calls.payable_bill import bill_facts
from ivr.calls.payment_wait import WAIT_S_MAX, still_waiting
from ivr.calls.response import Pause
from ivr.calls.session import Session
from ivr.calls.turn import CallInput, LeftBy, Turn, TurnEnd, WaitResult
from ivr.calls.wait_handler import WaitHandler
from ivr.payments.attempts.service import Attempt
from ivr.payments.links.store import open_links


class CloseLinkHandler(WaitHandler[CloseLink]):
    """Closes the caller's links for the bill, and waits for the gateway's word."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: CloseLink) -> WaitResult:
        for attempt in self._open(turn, session):
            self.services.attempts.close_link(turn.tx, attempt.id, note="the caller pays in another way")
        waiting = session.with_payment(waiting_since=self.services.clock.now().isoformat(), waited_s=0.0)
        return TurnEnd(waiting, Pause(), say=wait.say)

    def resume(self, turn: Turn, session: Session, wait: CloseLink, given: CallInput) -> WaitResult:
        del given
        if session.payment.waiting_since is None:
            return self.start(turn, session, wait)
        return self._look(turn, session)

    def _look(self, turn: Turn, session: Session) -> WaitResult:
        """The caller waits for the gateway's word."""
        since = datetime.fromisoformat(str(session.payment.waiting_since))
        waited_s = (self.services.clock.now() - since).total_seconds()
        done = session.with_payment(waiting_since=None)
        bill = bills.find(turn.tx, _reference(session))
        if not self._open(turn, session) and bill is not None:
            if bill.is_paid:
                return LeftBy(done, "already_paid")
            if bill.payable_minor > 0:
                return LeftBy(done, "closed", {"bill": bill_facts(bill, self.services.gateway), "link": None})
            return LeftBy(done, "unavailable")
        if waited_s >= WAIT_S_MAX:
            return LeftBy(done, "unavailable")
        return still_waiting(session, waited_s)

    def _open(self, turn: Turn, session: Session) -> list[Attempt]:
        return open_links(turn.tx, payer_phone=turn.own.number, bill_reference=_reference(session))


def _reference(session: Session) -> str:
    if session.state.bill is None:
        raise TypeError(f"step {session.step} closes a link before a bill was found")
    return session.state.bill.reference
