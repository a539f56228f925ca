"""The jobs of a payment by link: open its page at the gateway, and look what became of it.

A page whose opening got no answer is looked up under the same key, and never opened a second time. An open
link is looked at when the gateway reports something, and at its expiry. Then, or when somebody wants it
closed, it is closed; it ends without a charge only when the gateway says that it was not paid. While the
gateway does not answer, its part of the bill stays reserved; a link that could not be closed for a day
needs review.
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from gateways.contract import Declined, LinkFound, LinkOpen, LookupResult, Order, Unknown
from ivr.jobs.job_list import LOOK_AT_LINK
from ivr.payments import timeouts
from ivr.payments.attempts import gateway_answers
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.order import order_of
from ivr.payments.attempts.states import Event, Method, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.links import store
from ivr.payments.links.store import Link
from ivr.platform.database.engine import reading

log = structlog.get_logger()
_OVER = "its bill is withdrawn, or paid elsewhere"


@dataclass(frozen=True, slots=True)
class LinkJobs:
    """Opens, watches and closes links at one gateway."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def open(self, attempt_id: str, _nth: int) -> None:
        """Opens the page, unless somebody else claimed that, it was given up, or its deadline is past."""
        with self.engine.begin() as tx:
            attempt = self._claim(tx, attempt_id)
            asked = None if attempt is None else self._asked(tx, attempt)
        if attempt is None or asked is None:
            return
        order, link = asked
        answer: LinkOpen | Declined | Unknown
        asleep_s = (self.transitions.clock.now() - (attempt.claimed_at or attempt.created_at)).total_seconds()
        if asleep_s > timeouts.SEND_WITHIN_S:
            answer = Unknown(f"claimed {asleep_s:.0f} s ago and not sent")
        else:
            answer = self.gateway.open_link(attempt, link.request(order, attempt.language))
        if isinstance(answer, Unknown):
            log.warning("link_unknown", attempt_id=attempt_id, call_id=attempt.call_id, reason=answer.reason)
        with self.engine.begin() as tx:
            before = attempt_store.locked(tx, attempt_id)
            gateway_answers.record(
                self.transitions, tx, before, answer, note="answer to the opening of its link"
            )

    def look(self, attempt_id: str, nth: int) -> None:
        """Looks up once a link that is open or being closed; schedules the next look if it still is."""
        with self.engine.begin() as tx:
            attempt = self._to_look_at(tx, attempt_id, nth)
            asked = None if attempt is None else self._asked(tx, attempt)
        if attempt is None or asked is None:
            return
        order, link = asked
        close = attempt.state is State.LINK_CLOSING
        answer = self.gateway.lookup(attempt, order, cancel=close, link=link)
        with self.engine.begin() as tx:
            before = attempt_store.locked(tx, attempt_id)
            after = gateway_answers.record(
                self.transitions, tx, before, answer, note="found by a look at its link"
            )
            still_asks = after.state in {State.LINK_OPEN, State.LINK_CLOSING}
            if still_asks and after.state is before.state and after.jobs == nth:
                self._look_again(tx, after, link, answer)

    def close_of_bills_that_are_over(self) -> int:
        """Begins to close the links of bills that were withdrawn since, or are paid elsewhere; how many."""
        with reading(self.engine) as tx:
            ids = store.open_of_bills_that_are_over(tx)
        for attempt_id in ids:
            with self.engine.begin() as tx:
                attempt = attempt_store.locked(tx, attempt_id)
                if attempt.state is State.LINK_OPEN:
                    self.transitions.move(tx, attempt, Event.CLOSE_LINK, note=_OVER)
        return len(ids)

    def _claim(self, tx: sa.Connection, attempt_id: str) -> Attempt | None:
        """The attempt, where it is ours alone to open."""
        attempt = attempt_store.locked(tx, attempt_id)
        if attempt.method is not Method.LINK:
            log.error("link_of_a_card_attempt", attempt_id=attempt_id)
            return None
        if attempt.state is State.CLAIMED:
            self.transitions.move(
                tx, attempt, Event.MARK_UNKNOWN, note="claimed before, and no answer recorded"
            )
            return None
        if attempt.state is not State.RESERVED:
            return None
        if why := self._why_never(tx, attempt):
            self.transitions.move(tx, attempt, Event.ABANDON, note=why)
            return None
        if not self.gateway.is_of(attempt):
            log.error("attempt_of_another_gateway", attempt_id=attempt.id, gateway=attempt.gateway)
            return None
        return self.transitions.move(tx, attempt, Event.CLAIM)

    def _why_never(self, tx: sa.Connection, attempt: Attempt) -> str | None:
        """The reason not to open its page, or None if it may be opened."""
        if self.transitions.clock.now() >= attempt.deadline_at:
            return "not claimed by its deadline"
        if attempt.payer_phone is None:
            return "there is no phone number to text"
        return _OVER if store.bill_is_over(tx, attempt) else None

    def _to_look_at(self, tx: sa.Connection, attempt_id: str, nth: int) -> Attempt | None:
        """The attempt, if this is the look that was scheduled last. A link that has expired is closed
        instead.
        """
        attempt = attempt_store.locked(tx, attempt_id)
        if attempt.jobs != nth or attempt.state not in {State.LINK_OPEN, State.LINK_CLOSING}:
            return None
        link = store.of(tx, attempt)
        if (
            attempt.state is State.LINK_OPEN
            and link is not None
            and self.transitions.clock.now() >= link.expires_at
        ):
            # the move schedules the next look, at once
            self.transitions.move(tx, attempt, Event.CLOSE_LINK, note="it has expired")
            return None
        return attempt

    def _asked(self, tx: sa.Connection, attempt: Attempt) -> tuple[Order, Link] | None:
        link = store.of(tx, attempt)
        if link is None:
            log.error("link_is_missing", attempt_id=attempt.id)
            return None
        return order_of(tx, attempt), link

    def _look_again(
        self, tx: sa.Connection, attempt: Attempt, link: Link, answer: LookupResult | LinkFound
    ) -> None:
        if attempt.state is State.LINK_OPEN and isinstance(answer, LinkOpen):
            now = self.transitions.clock.now()
            self.transitions.schedule(tx, attempt, LOOK_AT_LINK, link.seconds_until_look(now))
            return
        reason = answer.reason if isinstance(answer, Unknown) else "still open"
        self.transitions.reschedule(tx, attempt, reason, log_as="link_still_unclear")
