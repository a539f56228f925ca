"""The worker's jobs for a message: send it once, and look for it before it is sent again.

The claim is committed before the text leaves, and a check is enqueued with it, which also runs where the
worker dies. A text whose answer was lost is looked for in the carrier's list, and sent again only when the
list certainly lacks it after `MISSING_AFTER`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog

from ivr.jobs.job_list import CHECK_MESSAGE, SEND_MESSAGE, Work
from ivr.jobs.retry import FIND_MESSAGE_SCHEDULE, SEND_MESSAGE_SCHEDULE
from ivr.messaging import messages
from ivr.messaging.channels import Channel, InList, NotInList, OutgoingMessage, Refused, Sent
from ivr.messaging.delivery_errors import Refusal
from ivr.messaging.messages import Message
from ivr.messaging.states import MessageEvent, MessageState
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

MISSING_AFTER = timedelta(minutes=8)
"""A list that lacks a text sooner proves nothing: it may be under way."""
SEND_WITHIN = timedelta(seconds=30)
"""A worker that was stopped for longer than this after its claim does not send; the check job goes on."""
_CHECKS_A_TRY = 100
"""`nth` of a check is try x 100 + look, so that no two have the same number."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MessageJobs:
    """Handles SEND_MESSAGE and CHECK_MESSAGE."""

    engine: sa.Engine
    channels: Mapping[str, Channel]
    """Those of this installation, by name. A text that was recorded for another, which is gone since, leaves
    by the first one.
    """
    work: Work
    clock: Clock

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("messages need a channel at least")

    def send(self, confirmation_id: str, nth: int) -> None:  # noqa: ARG002 - unused: the row's state decides
        """Sends it where it waits for that. A second run of the job finds it claimed, and leaves it alone."""
        claimed = self._claim(confirmation_id)
        if claimed is None:
            return
        message = self._message(claimed)
        now = self.clock.now()
        if now - message.tried_at > SEND_WITHIN:
            log.warning("confirmation_overslept", confirmation=claimed.id)
            return  # the check that came with the claim goes on from here
        answer = self._channel(claimed).send(message)
        now = self.clock.now()
        with self.engine.begin() as tx:
            if isinstance(answer, Sent):
                messages.apply_event(tx, claimed.id, MessageEvent.TAKEN, now, provider_id=answer.provider_id)
            elif isinstance(answer, Refused) and answer.kind is Refusal.PERMANENT:
                self._give_up(tx, claimed, answer.error_code)
            elif isinstance(answer, Refused) and answer.kind is Refusal.NEEDS_OPERATOR:
                self._hold(tx, claimed, answer.error_code)
            elif isinstance(answer, Refused):
                self._again(tx, claimed, MessageEvent.REFUSED_FOR_NOW, answer.error_code)
            else:
                log.warning("confirmation_answer_lost", confirmation=claimed.id, reason=answer.reason)
                messages.apply_event(tx, claimed.id, MessageEvent.ANSWER_LOST, now, at_try=claimed.tries)

    def check(self, confirmation_id: str, nth: int) -> None:
        """Looks for a text that may have been sent; `nth` is try x 100 + look."""
        with self.engine.begin() as tx:
            found = messages.find(tx, confirmation_id)
            if found is None or found.tries != nth // _CHECKS_A_TRY:
                return
            if found.state is MessageState.SENDING:  # whoever sent it has not come back
                messages.apply_event(
                    tx, found.id, MessageEvent.ANSWER_LOST, self.clock.now(), at_try=found.tries
                )
            elif found.state is not MessageState.MAYBE_SENT:
                return
        message = self._message(found)
        seen = self._channel(found).find_sent(message)
        now = self.clock.now()
        with self.engine.begin() as tx:
            if isinstance(seen, InList):
                messages.apply_event(tx, found.id, MessageEvent.TAKEN, now, provider_id=seen.provider_id)
            elif isinstance(seen, NotInList) and now - message.tried_at >= MISSING_AFTER:
                self._again(tx, found, MessageEvent.MISSING, "missing")
            else:
                self._look_later(tx, found, nth)

    def _claim(self, confirmation_id: str) -> Message | None:
        now = self.clock.now()
        with self.engine.begin() as tx:
            waiting = messages.find(tx, confirmation_id)
            if waiting is None:
                return None
            if not messages.is_still_true(tx, waiting, now):
                messages.apply_event(tx, confirmation_id, MessageEvent.TOO_LATE, now, error_code="too_late")
                return None
            tries = waiting.tries + 1
            claimed = messages.apply_event(
                tx,
                confirmation_id,
                MessageEvent.CLAIM,
                now,
                at_try=waiting.tries,
                tries=tries,
                tried_at=now,
                channel=self._channel(waiting).name,
            )
            if claimed:
                first = tries * _CHECKS_A_TRY
                wait_s = FIND_MESSAGE_SCHEDULE.delays_s[0]
                self.work.enqueue(tx, CHECK_MESSAGE, confirmation_id, nth=first, delay_s=wait_s)
            return claimed

    def _channel(self, recorded: Message) -> Channel:
        return self.channels.get(recorded.channel) or next(iter(self.channels.values()))

    def _message(self, claimed: Message) -> OutgoingMessage:
        if claimed.recipient is None or claimed.tried_at is None:
            raise AssertionError(f"{claimed.id} was claimed, and has no recipient or no time")
        with reading(self.engine) as tx:
            mark = messages.mark(tx, claimed.id)
        return OutgoingMessage(
            claimed.id, mark, claimed.recipient, claimed.body, claimed.tried_at, claimed.provider_id
        )

    def _again(self, tx: sa.Connection, tried: Message, event: MessageEvent, error_code: str) -> None:
        """Queues it anew after a while; after the last try it waits for the operator."""
        delay_s = SEND_MESSAGE_SCHEDULE.delay_of_retry_s(tried.tries - 1)
        if delay_s is None:
            self._hold(tx, tried, error_code)
            return
        now = self.clock.now()
        if messages.apply_event(tx, tried.id, event, now, at_try=tried.tries, error_code=error_code):
            self.work.enqueue(tx, SEND_MESSAGE, tried.id, nth=tried.tries, delay_s=delay_s)

    def _hold(self, tx: sa.Connection, tried: Message, error_code: str) -> None:
        log.error("confirmation_held", confirmation=tried.id, error_code=error_code)
        now = self.clock.now()
        messages.apply_event(tx, tried.id, MessageEvent.HOLD, now, at_try=tried.tries, error_code=error_code)

    def _give_up(self, tx: sa.Connection, tried: Message, error_code: str) -> None:
        log.error("confirmation_given_up", confirmation=tried.id, error_code=error_code)
        now = self.clock.now()
        messages.apply_event(
            tx, tried.id, MessageEvent.REFUSED, now, at_try=tried.tries, error_code=error_code
        )

    def _look_later(self, tx: sa.Connection, found: Message, nth: int) -> None:
        """Looks again after a longer wait. After the last one it stays: a callback may still come."""
        looks = nth % _CHECKS_A_TRY + 1
        delay_s = FIND_MESSAGE_SCHEDULE.delay_of_retry_s(looks)
        if delay_s is None:
            log.error("confirmation_unclear", confirmation=found.id)
            return
        self.work.enqueue(tx, CHECK_MESSAGE, found.id, nth=nth + 1, delay_s=delay_s)
