"""The worker's side of a confirmation: send it once, and look before sending again.

That a worker has it is committed before the text leaves, and a check is enqueued with it: whatever becomes of
that worker, somebody looks. A text whose answer was lost is looked for in the carrier's list, and sent again
only when the list certainly lacks it after `MISSING_AFTER`.
"""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
import structlog

from ivr.jobs.job_list import CHECK_CONFIRMATION, SEND_CONFIRMATION, Work
from ivr.jobs.retry import FIND_MESSAGE, SEND_MESSAGE
from ivr.messaging import messages as confirmation
from ivr.messaging.delivery_errors import Mends
from ivr.messaging.messages import Confirmation
from ivr.messaging.port import Channel, Found, Message, Missing, Refused, Sent
from ivr.messaging.states import Event, State
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

MISSING_AFTER = timedelta(minutes=8)
"""A list that lacks a text sooner proves nothing: it may be under way."""
SEND_WITHIN = timedelta(seconds=30)
"""From the claim: a worker that slept longer than this before sending does not send: somebody else looks."""
_CHECKS_A_TRY = 100
"""Numbers the checks of each try apart from those of the next."""

log = structlog.get_logger()


class Sender:
    """Handles SEND_CONFIRMATION and CHECK_CONFIRMATION. `channels` are those of this installation, by name.

    A text that was recorded for a channel which is gone since leaves by the first one.
    """

    def __init__(
        self, engine: sa.Engine, channels: Mapping[str, Channel], *, work: Work, clock: Clock
    ) -> None:
        if not channels:
            raise ValueError("a sender needs a channel at least")
        self._engine = engine
        self._channels = channels
        self._work = work
        self._clock = clock

    def send(self, confirmation_id: str, nth: int) -> None:  # noqa: ARG002 - a job's signature: the row counts
        """Sends it where it waits for that. A second run of the job finds it claimed, and leaves it alone."""
        claimed = self._claim(confirmation_id)
        if claimed is None:
            return
        message = self._message(claimed)
        now = self._clock.now()
        if now - message.tried_at > SEND_WITHIN:
            log.warning("confirmation_overslept", confirmation=claimed.id)
            return  # the check that came with the claim goes on from here
        answer = self._channel(claimed).send(message)
        now = self._clock.now()
        with self._engine.begin() as tx:
            if isinstance(answer, Sent):
                confirmation.shift(tx, claimed.id, Event.TAKEN, now, provider_id=answer.provider_id)
            elif isinstance(answer, Refused) and answer.mends is Mends.NOBODY:
                self._give_up(tx, claimed, answer.error_code)
            elif isinstance(answer, Refused) and answer.mends is Mends.OPERATOR:
                self._hold(tx, claimed, answer.error_code)
            elif isinstance(answer, Refused):
                self._again(tx, claimed, Event.REFUSED_FOR_NOW, answer.error_code)
            else:
                log.warning("confirmation_answer_lost", confirmation=claimed.id, reason=answer.reason)
                confirmation.shift(tx, claimed.id, Event.LOSE_SIGHT, now, at_try=claimed.tries)

    def check(self, confirmation_id: str, nth: int) -> None:
        """Looks for a text that may have been sent; `nth` counts the try and, within it, the look."""
        with self._engine.begin() as tx:
            found = confirmation.find(tx, confirmation_id)
            if found is None or found.tries != nth // _CHECKS_A_TRY:
                return
            if found.state is State.SENDING:  # whoever sent it has not come back
                confirmation.shift(tx, found.id, Event.LOSE_SIGHT, self._clock.now(), at_try=found.tries)
            elif found.state is not State.MAYBE_SENT:
                return
        message = self._message(found)
        seen = self._channel(found).find_sent(message)
        now = self._clock.now()
        with self._engine.begin() as tx:
            if isinstance(seen, Found):
                confirmation.shift(tx, found.id, Event.TAKEN, now, provider_id=seen.provider_id)
            elif isinstance(seen, Missing) and now - message.tried_at >= MISSING_AFTER:
                self._again(tx, found, Event.MISSING, "missing")
            else:
                self._look_later(tx, found, nth)

    def _claim(self, confirmation_id: str) -> Confirmation | None:
        now = self._clock.now()
        with self._engine.begin() as tx:
            waiting = confirmation.find(tx, confirmation_id)
            if waiting is None:
                return None
            if not confirmation.still_holds(tx, waiting, now):
                confirmation.shift(tx, confirmation_id, Event.TOO_LATE, now, error_code="too_late")
                return None
            tries = waiting.tries + 1
            claimed = confirmation.shift(
                tx,
                confirmation_id,
                Event.CLAIM,
                now,
                at_try=waiting.tries,
                tries=tries,
                tried_at=now,
                channel=self._channel(waiting).name,
            )
            if claimed:
                first = tries * _CHECKS_A_TRY
                wait_s = FIND_MESSAGE.delays_s[0]
                self._work.enqueue(tx, CHECK_CONFIRMATION, confirmation_id, nth=first, delay_s=wait_s)
            return claimed

    def _channel(self, recorded: Confirmation) -> Channel:
        return self._channels.get(recorded.channel) or next(iter(self._channels.values()))

    def _message(self, claimed: Confirmation) -> Message:
        if claimed.recipient is None or claimed.tried_at is None:
            raise AssertionError(f"{claimed.id} was claimed, and has no recipient or no time")
        with reading(self._engine) as tx:
            mark = confirmation.mark(tx, claimed.id)
        return Message(
            claimed.id, mark, claimed.recipient, claimed.body, claimed.tried_at, claimed.provider_id
        )

    def _again(self, tx: sa.Connection, tried: Confirmation, event: Event, error_code: str) -> None:
        """Queues it anew after a while; after the last try it waits for the operator."""
        delay_s = SEND_MESSAGE.next_delay_s(tried.tries - 1)
        if delay_s is None:
            self._hold(tx, tried, error_code)
            return
        now = self._clock.now()
        if confirmation.shift(tx, tried.id, event, now, at_try=tried.tries, error_code=error_code):
            self._work.enqueue(tx, SEND_CONFIRMATION, tried.id, nth=tried.tries, delay_s=delay_s)

    def _hold(self, tx: sa.Connection, tried: Confirmation, error_code: str) -> None:
        log.error("confirmation_held", confirmation=tried.id, error_code=error_code)
        now = self._clock.now()
        confirmation.shift(tx, tried.id, Event.HOLD, now, at_try=tried.tries, error_code=error_code)

    def _give_up(self, tx: sa.Connection, tried: Confirmation, error_code: str) -> None:
        log.error("confirmation_given_up", confirmation=tried.id, error_code=error_code)
        now = self._clock.now()
        confirmation.shift(tx, tried.id, Event.REFUSED, now, at_try=tried.tries, error_code=error_code)

    def _look_later(self, tx: sa.Connection, found: Confirmation, nth: int) -> None:
        """Looks again after a longer wait. After the last one it stays: a callback may still come."""
        looks = nth % _CHECKS_A_TRY + 1
        delay_s = FIND_MESSAGE.next_delay_s(looks)
        if delay_s is None:
            log.error("confirmation_unclear", confirmation=found.id)
            return
        self._work.enqueue(tx, CHECK_CONFIRMATION, found.id, nth=nth + 1, delay_s=delay_s)
