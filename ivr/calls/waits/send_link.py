"""A link is opened and texted while the caller waits. It is also sent to a caller who hangs up."""

import structlog

from flows.language import SendLink
from ivr.calls.payable_bill import link_facts
from ivr.calls.payment_wait import WAIT_S_MAX, still_waiting
from ivr.calls.response import Pause
from ivr.calls.session import Session
from ivr.calls.turn import CallInput, LeftBy, Turn, TurnEnd, WaitResult
from ivr.calls.wait_handler import WaitHandler
from ivr.payments.attempts.service import Attempt
from ivr.payments.attempts.states import FINAL, Method, State
from ivr.payments.links.store import had_enough

log = structlog.get_logger()


class SendLinkHandler(WaitHandler[SendLink]):
    """Sends a link to the number that is calling."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: SendLink) -> WaitResult:
        """From here on a hang-up does not stop the link."""
        caller = turn.own
        if caller.number is None or not (self.services.attempts.has_links and caller.can_text):
            return LeftBy(session, "no_text")
        if had_enough(turn.tx, caller.number, self.services.clock.now()):
            log.warning("links_capped", call_id=turn.row.id)
            return LeftBy(session, "unavailable")
        payer = self.services.payer_of(turn, session)
        attempt = self.services.make_attempt(turn, session, payer, wait.amount, Method.LINK)
        if attempt is None:
            return LeftBy(session, "no_longer_due")
        self.services.attempts.ask_link(turn.tx, attempt.id)
        waiting = session.without_card().with_payment(attempt_id=attempt.id, charging=True, waited_s=0.0)
        return TurnEnd(waiting, Pause(), say=wait.say)

    def resume(self, turn: Turn, session: Session, wait: SendLink, given: CallInput) -> WaitResult:
        del given
        return self._look(turn, session) if session.payment.charging else self.start(turn, session, wait)

    def _look(self, turn: Turn, session: Session) -> WaitResult:
        """The caller waits for the link to be opened."""
        attempt = self.services.attempts.get(turn.tx, str(session.payment.attempt_id))
        waited_s = (
            self.services.clock.now() - (attempt.charge_asked_at or attempt.created_at)
        ).total_seconds()
        done = session.with_payment(attempt_id=None, charging=False)
        if attempt.state in {State.LINK_OPEN, State.APPROVED}:
            return LeftBy(done, "sent", {"link": link_facts(turn, attempt, self.services.clock.now())})
        if attempt.state in FINAL:
            return LeftBy(done, "unavailable")
        if waited_s >= WAIT_S_MAX or self._is_too_late(attempt):
            self.services.attempts.close_link(turn.tx, attempt.id, note="the caller waited long enough")
            return LeftBy(done, "unavailable")
        return still_waiting(session, waited_s)

    def _is_too_late(self, attempt: Attempt) -> bool:
        return attempt.state is State.RESERVED and self.services.clock.now() >= attempt.deadline_at
