"""The only way an attempt moves: a compare-and-set along the graph. The bill, the ledger, the event and the
next job are written in the same transaction.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.events import DisputeUpdated
from ivr.events.payment_events import (
    LinkOpened,
    PaymentApproved,
    PaymentDeclined,
    PaymentDisputed,
    PaymentEvent,
    PaymentFacts,
    PaymentNeedsReview,
    PaymentNotCharged,
    PaymentUnknown,
)
from ivr.finance import disputes
from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    LOOK_AT_LINK,
    RECHECK_ATTEMPT,
    RESOLVE_ATTEMPT,
    VOID_ATTEMPT,
    Job,
)
from ivr.payments import history, tables, timeouts
from ivr.payments.attempts import bookkeeping, store
from ivr.payments.attempts.states import FINAL, GRAPH, Event, State, move
from ivr.payments.attempts.store import Attempt
from ivr.payments.links import store as link_store
from ivr.payments.row_transitions import RowTransitions
from ivr.payments.saved_cards.service import SavedCardService

log = structlog.get_logger()

NEXT_JOB: dict[State, Job | None] = {
    State.RESERVED: EXPIRE_ATTEMPT,
    State.AUTHORIZING: EXPIRE_ATTEMPT,
    State.AUTHORIZED: EXPIRE_ATTEMPT,
    State.CLAIMED: RESOLVE_ATTEMPT,
    State.UNKNOWN: RESOLVE_ATTEMPT,
    State.VOIDING: VOID_ATTEMPT,
    State.LINK_OPEN: LOOK_AT_LINK,
    State.LINK_CLOSING: LOOK_AT_LINK,
    State.NEEDS_REVIEW: None,
}
"""The job that moves an attempt on from each state of `HOLDING`; None: a person does."""

EVENT_OF: dict[State, type[PaymentEvent]] = {
    State.APPROVED: PaymentApproved,
    State.DECLINED: PaymentDeclined,
    State.CANCELLED: PaymentNotCharged,
    State.ABANDONED: PaymentNotCharged,
    State.VOIDED: PaymentNotCharged,
    State.LINK_OPEN: LinkOpened,
    State.UNKNOWN: PaymentUnknown,
    State.NEEDS_REVIEW: PaymentNeedsReview,
}
"""What is emitted when an attempt comes into a state; `PaymentUnknown` only the first time."""


_SAME = {field.name for field in fields(PaymentFacts)} & {field.name for field in fields(Attempt)} - {"state"}


def payment_facts(attempt: Attempt) -> PaymentFacts:
    """The payment as it stands now, for events."""
    return PaymentFacts(
        **{name: getattr(attempt, name) for name in _SAME},
        state=attempt.state.public,
        internal_state=attempt.state,
        text_promised=attempt.promised_at is not None,
        may_be_pending=attempt.state is State.VOIDED or attempt.gateway_authorization is not None,
    )


@dataclass(frozen=True, slots=True)
class Transitions(RowTransitions):
    """Moves attempts, and schedules the jobs that look at them. An attempt that is passed in was read by
    `store.locked` in the same transaction.
    """

    @property
    def cards(self) -> SavedCardService:
        """Saved cards, which are kept or dropped with their payment's move."""
        return SavedCardService(self.work, self.clock, self.ids, self.events)

    def move(
        self, tx: sa.Connection, attempt: Attempt, event: Event, *, note: str = "", **facts: Any
    ) -> Attempt:
        """The attempt after the event; `facts` are columns to be set with it.

        Raises IllegalMoveError where the graph has no such edge.
        """
        now = self.clock.now()
        state = move(attempt.state, event)
        moved = store.move(tx, attempt, state, **{**facts, **_stamps(attempt, state, now)})
        history.add(tx, moved.id, event, state, at=now, note=note)
        subject = {"attempt_id": moved.id, "call_id": moved.call_id}
        log.info("attempt_moved", **subject, event_name=str(event), state=str(state))
        bookkeeping.settle(tx, moved, self.ids, now)
        self._emit(tx, attempt, moved)
        self.cards.attempt_moved(tx, attempt, moved)
        return self._follow_up(tx, attempt.state, moved, now)

    def add_history(self, tx: sa.Connection, attempt: Attempt, event: str, note: str = "") -> None:
        """A line in the payment's history that moves nothing."""
        history.add(tx, attempt.id, event, attempt.state, at=self.clock.now(), note=note)

    def schedule(self, tx: sa.Connection, attempt: Attempt, job: Job, delay_s: float = 0.0) -> Attempt:
        """Schedules the job under a new number."""
        return replace(attempt, jobs=self.schedule_job(tx, tables.attempt, attempt.id, job, delay_s))

    def reschedule(self, tx: sa.Connection, attempt: Attempt, reason: str, *, log_as: str) -> None:
        """Schedules the same job for an attempt that is still in its state. After a day it needs review
        instead; only an open link (`LINK_OPEN`) is still looked up, every 5 minutes.
        """
        open_s = (self.clock.now() - history.state_since(tx, attempt)).total_seconds()
        facts = {"attempt_id": attempt.id, "state": str(attempt.state), "reason": reason, "open_s": open_s}
        log.warning(log_as, **facts)
        delay_s, job = timeouts.ASK_AGAIN.delay_after_s(open_s), NEXT_JOB[attempt.state]
        if job is None or (delay_s is None and (attempt.state, Event.NEEDS_REVIEW) in GRAPH):
            self.move(tx, attempt, Event.NEEDS_REVIEW, note=reason)
        else:
            self.schedule(tx, attempt, job, timeouts.LOOK_AT_MOST_S if delay_s is None else delay_s)

    def reschedule_lost(self, tx: sa.Connection, attempt_id: str) -> bool:
        """Schedules an overdue job again; False where the attempt needs none."""
        attempt = store.locked(tx, attempt_id)
        job = NEXT_JOB.get(attempt.state) or (None if attempt.verify_since is None else RECHECK_ATTEMPT)
        if job is None:
            return False
        facts = {"attempt_id": attempt_id, "call_id": attempt.call_id, "state": str(attempt.state)}
        log.error("attempt_job_lost", job=job.name, **facts)
        self.schedule(tx, attempt, job)
        return True

    def recheck(self, tx: sa.Connection, attempt: Attempt, delay_s: float = 0.0) -> Attempt:
        """Schedules the recheck job; notes since when. For a webhook that contradicts our books, and for
        refunds made elsewhere. The job stops when the gateway has answered, or after a day.
        """
        if attempt.verify_since is None:
            attempt = replace(attempt, verify_since=self.clock.now())
            store.update(tx, attempt.id, verify_since=attempt.verify_since)
        return self.schedule(tx, attempt, RECHECK_ATTEMPT, delay_s)

    def end_recheck(self, tx: sa.Connection, attempt: Attempt, **facts: Any) -> None:
        """Clears `verify_since` and `look_at`; `facts` are columns to be set with them."""
        store.update(tx, attempt.id, **{"verify_since": None, "look_at": None, **facts})

    def report_dispute(self, tx: sa.Connection, attempt: Attempt, dispute: DisputeUpdated) -> None:
        """Logs the dispute and emits PaymentDisputed."""
        log.error("payment_disputed", attempt_id=attempt.id, dispute=dispute.reference, state=dispute.state)
        self.events.emit(tx, PaymentDisputed(payment_facts(attempt), dispute))

    def _emit(self, tx: sa.Connection, before: Attempt, attempt: Attempt) -> None:
        event_type = EVENT_OF.get(attempt.state)
        is_news = attempt.state is not State.UNKNOWN or before.unknown_since is None
        if event_type is None or not is_news:
            return
        if attempt.state is State.NEEDS_REVIEW:
            log.error("attempt_for_a_person", attempt_id=attempt.id, reference=attempt.reference)
        self.events.emit(tx, event_type(payment_facts(attempt)))
        if attempt.state is State.APPROVED and attempt.gateway_reference is not None:
            # a dispute may be reported before the charge is booked as approved
            charge, now = (attempt.gateway, attempt.gateway_reference), self.clock.now()
            for dispute in disputes.tie(tx, *charge, attempt.id, now):
                self.report_dispute(tx, attempt, dispute)

    def _follow_up(self, tx: sa.Connection, before: State, attempt: Attempt, now: datetime) -> Attempt:
        """Schedules the job that looks at the attempt next."""
        if attempt.state is State.APPROVED and attempt.external_refund_heard_at is not None:
            return self.recheck(tx, attempt)
        if attempt.state is State.AUTHORIZED:
            return self._found_authorized(tx, attempt, now) if before is State.UNKNOWN else attempt
        job = NEXT_JOB.get(attempt.state)
        return attempt if job is None else self.schedule(tx, attempt, job, _delay_s(tx, attempt, now))

    def _found_authorized(self, tx: sa.Connection, attempt: Attempt, now: datetime) -> Attempt:
        """An authorization found by a look-up is voided if the caller no longer waits. Otherwise it is
        captured; if the caller has not confirmed yet, it waits for the deadline.
        """
        if not store.caller_waits(tx, attempt, now):
            return self.move(tx, attempt, Event.VOID, note="found authorized, and nobody waits")
        if attempt.charge_asked_at is None:
            return self.schedule(tx, attempt, EXPIRE_ATTEMPT, (attempt.deadline_at - now).total_seconds())
        # A capture that may have been sent before is sent again after a short delay.
        sent_before = attempt.claimed_at is not None
        return self.schedule(tx, attempt, CHARGE_ATTEMPT, timeouts.LOOK_FIRST_S if sent_before else 0.0)


def _delay_s(tx: sa.Connection, attempt: Attempt, now: datetime) -> float:
    """Seconds until the attempt, which came into its state just now, is looked at."""
    match attempt.state:
        case State.AUTHORIZING:
            return (attempt.deadline_at - now).total_seconds()
        case State.CLAIMED:
            return timeouts.UNDER_WAY_S
        case State.LINK_OPEN:
            link = link_store.of(tx, attempt)
            if link is None:
                raise RuntimeError(f"attempt {attempt.id} has no link to be open")
            return link.seconds_until_look(now)
        case _:
            return 0.0


def _stamps(  # noqa: PLR0911 - one line a state
    attempt: Attempt, state: State, now: datetime
) -> dict[str, Any]:
    """The columns to set when an attempt comes into the state."""
    if state in FINAL:
        ended = {"settled_at": now, "look_at": None, "token": None, "gateway_authorization": None}
        clear_recheck = {"verify_since": None} if state is State.APPROVED else {}
        return ended | clear_recheck
    match state:
        case State.AUTHORIZING:
            return {"deadline_at": now + timedelta(seconds=timeouts.CARD_WITHIN_S)}
        case State.CLAIMED:
            return {"claimed_at": now}
        case State.LINK_OPEN:
            # the link text message is the one that was promised, so no other is due
            return {"promised_at": None}
        case State.UNKNOWN:
            return {"unknown_since": attempt.unknown_since or now}
        case State.NEEDS_REVIEW:
            return {"look_at": None}
        case _:
            return {}
