"""Links: one is opened and texted while the caller waits; one that is open is closed before anything else is.

A link that was promised is sent, whoever hangs up. Only the gateway's word closes a link: without it the
caller is never asked for a card for the same money. A link is told, and closed, only to the number that it
was texted to.
"""

from dataclasses import replace
from datetime import datetime

import structlog

from flows.language import CloseLink, SendLink
from gateways.contract import Capabilities
from ivr.bills import store as bills
from ivr.calls.response import Pause
from ivr.calls.session import Session
from ivr.calls.spoken_facts import bill_facts, link_facts
from ivr.calls.wait_result import Fulfilment, Left, Turn, Waiting
from ivr.calls.waits.charge import WAIT_S_MAX, AttemptMaker, still_waiting
from ivr.payments.attempts.service import Attempt, AttemptService
from ivr.payments.attempts.states import FINAL, Method, State
from ivr.payments.links.open_links import had_enough, open_links
from ivr.platform.clock import Clock

log = structlog.get_logger()


class LinkWaits:
    """Fulfils SendLink and CloseLink."""

    def __init__(
        self, *, attempts: AttemptService, maker: AttemptMaker, gateway: Capabilities, clock: Clock
    ) -> None:
        self._gateway = gateway
        self._attempts = attempts
        self._maker = maker
        self._clock = clock

    # Sending ----------------------------------------------------------------------------------------------

    def send(self, turn: Turn, session: Session, wait: SendLink) -> Fulfilment:
        """From here on a hang-up does not stop the link."""
        number = turn.own_number
        if number is None or not (self._attempts.has_links and turn.own.can_text):
            return Left(session, "no_text")
        if had_enough(turn.tx, number, self._clock.now()):
            log.warning("links_capped", call_id=turn.row.id)
            return Left(session, "unavailable")
        attempt = self._maker.make(turn, session, wait.amount, method=Method.LINK)
        if attempt is None:
            return Left(session, "no_longer_due")
        self._attempts.ask_link(turn.tx, attempt.id)
        waiting = replace(session.without_card(), attempt_id=attempt.id, charging=True, waited_s=0.0)
        return Waiting(waiting, Pause(), say=wait.say)

    def look(self, turn: Turn, session: Session) -> Fulfilment:
        """The caller waits for the link to be opened."""
        attempt = self._attempts.get(turn.tx, str(session.attempt_id))
        waited_s = (self._clock.now() - (attempt.charge_asked_at or attempt.created_at)).total_seconds()
        done = replace(session, attempt_id=None, charging=False)
        if attempt.state in {State.LINK_OPEN, State.APPROVED}:
            return Left(done, "sent", {"link": link_facts(turn, attempt, self._clock.now())})
        if attempt.state in FINAL:
            return Left(done, "unavailable")
        if waited_s >= WAIT_S_MAX or self._is_too_late(attempt):
            self._attempts.close_link(turn.tx, attempt.id, note="the caller waited long enough")
            return Left(done, "unavailable")
        return still_waiting(session, waited_s)

    def _is_too_late(self, attempt: Attempt) -> bool:
        return attempt.state is State.RESERVED and self._clock.now() >= attempt.deadline_at

    # Closing ----------------------------------------------------------------------------------------------

    def close(self, turn: Turn, session: Session, wait: CloseLink) -> Fulfilment:
        for attempt in self._open(turn, session):
            self._attempts.close_link(turn.tx, attempt.id, note="the caller pays in another way")
        waiting = replace(session, waiting_since=self._clock.now().isoformat(), waited_s=0.0)
        return Waiting(waiting, Pause(), say=wait.say)

    def look_whether_closed(self, turn: Turn, session: Session) -> Fulfilment:
        """The caller waits for the gateway's word."""
        since = datetime.fromisoformat(str(session.waiting_since))
        waited_s = (self._clock.now() - since).total_seconds()
        done = replace(session, waiting_since=None)
        bill = bills.find(turn.tx, _reference(session))
        if not self._open(turn, session) and bill is not None:
            if bill.is_paid:
                return Left(done, "already_paid")
            if bill.payable_minor > 0:
                return Left(done, "closed", {"bill": bill_facts(bill, self._gateway), "link": None})
            return Left(done, "unavailable")
        if waited_s >= WAIT_S_MAX:
            return Left(done, "unavailable")
        return still_waiting(session, waited_s)

    def _open(self, turn: Turn, session: Session) -> list[Attempt]:
        return open_links(turn.tx, payer_phone=turn.own_number, bill_reference=_reference(session))


def _reference(session: Session) -> str:
    if session.state.bill is None:
        raise TypeError(f"step {session.step} closes a link before a bill was found")
    return session.state.bill.reference
