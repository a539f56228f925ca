"""The jobs behind a refund: they send it, outside any transaction, and look it up if the answer is lost.

A refund is marked as sent before it is sent: a job that finds it marked looks it up instead. If the gateway
does not know it, it is sent again under the same key, within 12 hours of the first time. The gateway refunds
only once for each key. After a day a person decides.
"""

from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from gateways.contract import Approved, Declined, RefundFound, RefundNotFound, Unknown
from ivr.jobs.job_list import RESOLVE_REFUND
from ivr.payments import timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.gateway_answers import WORDS
from ivr.payments.attempts.store import Attempt
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.history import Difference
from ivr.payments.refunds import store
from ivr.payments.refunds.store import Refund, RefundState
from ivr.payments.refunds.transitions import RefundTransitions
from ivr.platform.database.engine import reading

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RefundJobs:
    """Sends refunds to one gateway, and looks up those whose answer was lost."""

    engine: sa.Engine
    transitions: RefundTransitions
    gateway: GatewayClient

    def send(self, refund_id: str, _nth: int) -> None:
        """Sends the refund, unless it may have been sent before."""
        with self.engine.begin() as tx:
            refund = store.locked(tx, refund_id)
            attempt = attempt_store.get(tx, refund.attempt_id)
            if refund.state is not RefundState.ASKED or not self.gateway.is_of(attempt):
                return
            now = self.transitions.clock.now()
            sent = self.transitions.move(tx, refund, RefundState.UNKNOWN, sent_at=now)
            self.transitions.schedule(tx, sent, RESOLVE_REFUND, timeouts.UNDER_WAY_S)
        answer = self.gateway.refund(attempt, refund)
        with self.engine.begin() as tx:
            refund = self.transitions.record(tx, store.locked(tx, refund_id), answer)
            if refund.state is RefundState.UNKNOWN:
                self.transitions.schedule(tx, refund, RESOLVE_REFUND)
            elif _differs(answer, refund):
                self.transitions.recheck(tx, refund)

    def resolve(self, refund_id: str, nth: int) -> None:
        """Looks up once a refund whose answer was lost; sends it again where the gateway does not know it
        (within 12 h). Schedules the next look if it is still unknown.
        """
        refund, attempt = self._read(refund_id)
        if refund.state is not RefundState.UNKNOWN or refund.jobs != nth or refund.sent_at is None:
            return
        open_s = (self.transitions.clock.now() - refund.sent_at).total_seconds()
        answer = self.gateway.lookup_refund(attempt, refund, cancel=open_s >= timeouts.UNDER_WAY_S)
        if isinstance(answer, RefundNotFound) and open_s < timeouts.SEND_REFUND_AGAIN_WITHIN_S:
            answer = self.gateway.refund(attempt, refund)
        with self.engine.begin() as tx:
            refund = self.transitions.record(tx, store.locked(tx, refund_id), answer)
            if refund.state is RefundState.UNKNOWN and refund.jobs == nth:
                self._look_again(tx, refund)
            elif _differs(answer, refund):
                self.transitions.recheck(tx, refund)

    def recheck(self, refund_id: str, nth: int) -> None:
        """Looks up once a refund that has ended, or needs review, after a webhook about it. Schedules the
        next look if the gateway does not say what became of it, or if the answer cannot be booked yet.
        """
        refund, attempt = self._read(refund_id)
        if refund.state in {RefundState.ASKED, RefundState.UNKNOWN} or refund.jobs != nth:
            return
        answer = self.gateway.lookup_refund(attempt, refund, cancel=False)
        with self.engine.begin() as tx:
            refund = self.transitions.record(tx, store.locked(tx, refund_id), answer)
            if refund.jobs != nth:
                return  # another webhook scheduled a newer look meanwhile
            if isinstance(answer, Unknown | RefundNotFound) or _differs(answer, refund):
                self._recheck_again(tx, refund, answer)
            else:
                self.transitions.end_recheck(tx, refund)

    def _read(self, refund_id: str) -> tuple[Refund, Attempt]:
        with reading(self.engine) as tx:
            refund = store.get(tx, refund_id)
            return refund, attempt_store.get(tx, refund.attempt_id)

    def _look_again(self, tx: sa.Connection, refund: Refund) -> None:
        facts = {"refund_id": refund.id, "attempt_id": refund.attempt_id}
        sent_at = refund.sent_at or refund.created_at
        open_s = (self.transitions.clock.now() - sent_at).total_seconds()
        log.warning("refund_still_unknown", **facts, open_s=open_s)
        delay_s = timeouts.ASK_AGAIN.delay_after_s(open_s)
        if delay_s is None:
            log.error("refund_for_a_person", **facts)
            self.transitions.move(tx, refund, RefundState.NEEDS_REVIEW, look_at=None)
        else:
            self.transitions.schedule(tx, refund, RESOLVE_REFUND, delay_s)

    def _recheck_again(self, tx: sa.Connection, refund: Refund, answer: RefundFound) -> None:
        """Looks again for one day; if the refund was returned while the bill is being paid, until that
        payment has ended.
        """
        now = self.transitions.clock.now()
        open_s = (now - (refund.verify_since or now)).total_seconds()
        said = WORDS[type(answer)]
        facts = {"refund_id": refund.id, "attempt_id": refund.attempt_id, "says": said, "open_s": open_s}
        delay_s = timeouts.ASK_AGAIN.delay_after_s(open_s)
        if isinstance(answer, Declined):
            write_log = log.error if delay_s is None else log.warning
            write_log("refund_came_back_to_a_bill_that_is_being_paid", **facts)
            self.transitions.recheck(tx, refund, delay_s or timeouts.ASK_AGAIN_LATE_S)
        elif delay_s is not None:
            log.warning("refund_still_unverified", **facts)
            self.transitions.recheck(tx, refund, delay_s)
        elif isinstance(answer, Approved):
            self.transitions.report_contradiction(tx, refund, answer)
            self.transitions.end_recheck(tx, refund)
        else:
            log.error("refund_notice_for_a_person", **facts)
            note = "the gateway reported something about it, but does not say what became of it"
            self.transitions.add_history(tx, refund, Difference.REFUND_UNVERIFIED, note)
            self.transitions.end_recheck(tx, refund)


def _differs(answer: RefundFound, refund: Refund) -> bool:
    """Whether the gateway is certain of something that could not be booked yet."""
    match answer:
        case Approved():
            return refund.state is RefundState.DECLINED
        case Declined():
            return refund.state is RefundState.APPROVED
        case _:
            return False
