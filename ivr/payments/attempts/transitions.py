"""The only way an attempt moves: a compare-and-set along the graph, with everything that belongs to the move
in the same transaction.

To each state belongs: what happens to the reservation, what is told to the rest of the house, and the job
that looks at the attempt next. What could go wrong is a state without a next job; `NEXT_JOB` names one for
every state that holds money.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.events import DisputeUpdated
from ivr.bills import reservation
from ivr.events.emitter import Events
from ivr.events.payment_events import (
    LinkOpened,
    PaymentApproved,
    PaymentDeclined,
    PaymentDisputed,
    PaymentEvent,
    PaymentNeedsReview,
    PaymentNotCharged,
    PaymentUnknown,
)
from ivr.finance import disputes, ledger
from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    LOOK_AT_LINK,
    RELEASE_ATTEMPT,
    RESOLVE_ATTEMPT,
    VERIFY_ATTEMPT,
    VERIFY_REFUND,
    Job,
    Work,
)
from ivr.payments import tables, timeouts
from ivr.payments.attempts import store
from ivr.payments.attempts.states import FINAL, Event, State, move
from ivr.payments.attempts.store import Attempt
from ivr.payments.discrepancies import Difference
from ivr.payments.event_facts import payment_facts
from ivr.payments.links import store as link_store
from ivr.payments.refunds.store import Refund
from ivr.payments.saved_cards.service import SavedCardService
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.money import plain

log = structlog.get_logger()

NEXT_JOB: dict[State, Job | None] = {
    State.RESERVED: EXPIRE_ATTEMPT,
    State.AUTHORIZING: EXPIRE_ATTEMPT,
    State.AUTHORIZED: EXPIRE_ATTEMPT,
    State.CLAIMED: RESOLVE_ATTEMPT,
    State.UNKNOWN: RESOLVE_ATTEMPT,
    State.VOIDING: RELEASE_ATTEMPT,
    State.LINK_OPEN: LOOK_AT_LINK,
    State.LINK_CLOSING: LOOK_AT_LINK,
    State.NEEDS_REVIEW: None,
}
"""The job that gets an attempt out of each state of `HOLDING`; a person is no job."""

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


def _count_job(table: sa.Table) -> sa.Executable:
    """One more job was asked for; gives its number."""
    one_more = sa.update(table).where(table.c.id == sa.bindparam("wanted")).values(jobs=table.c.jobs + 1)
    return one_more.returning(table.c.jobs)


_COUNT_JOB = {Attempt: _count_job(tables.attempt), Refund: _count_job(tables.refund)}


class LostRaceError(Exception):
    """The attempt is no longer in the state it was read in: it was moved without its lock, a bug."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """Moves attempts, and asks for the jobs that look at them."""

    work: Work
    clock: Clock
    ids: Ids
    events: Events

    @property
    def cards(self) -> SavedCardService:
        """Cards that are kept, or not, with the payment's move."""
        return SavedCardService(self.work, self.clock, self.ids, self.events)

    def move(
        self, tx: sa.Connection, attempt: Attempt, event: Event, *, note: str = "", **facts: Any
    ) -> Attempt:
        """The attempt after the event; `attempt` was read by `records.locked` in this transaction.

        Raises IllegalMoveError where the graph has no such edge.
        """
        now = self.clock.now()
        state = move(attempt.state, event)
        values = {**facts, **_stamps(attempt, state, now), "state": state}
        changed = tx.execute(
            sa.update(tables.attempt)
            .where(tables.attempt.c.id == attempt.id, tables.attempt.c.state == attempt.state)
            .values(**values)
        )
        if changed.rowcount != 1:
            raise LostRaceError(f"attempt {attempt.id} is no longer {attempt.state}")
        self.write_down(tx, attempt.id, event, state, note)
        moved = store.get(tx, attempt.id)
        log.info(
            "attempt_moved",
            attempt_id=moved.id,
            call_id=moved.call_id,
            event_name=str(event),
            state=str(state),
        )
        self._settle(tx, moved, now)
        self._emit(tx, attempt, moved)
        self.cards.attempt_moved(tx, attempt, moved)
        self._follow_up(tx, attempt.state, moved, now)
        return store.get(tx, attempt.id)

    def write_down(
        self, tx: sa.Connection, attempt_id: str, event: str, state: State, note: str = ""
    ) -> None:
        """A line in the attempt's history; what lists payments reads its changes there."""
        tx.execute(
            sa.insert(tables.attempt_move),
            {
                "attempt_id": attempt_id,
                "event": str(event),
                "state": state,
                "at": self.clock.now(),
                "note": store.fit(tables.attempt_move.c.note, note) or None,
            },
        )

    def ask(self, tx: sa.Connection, subject: Attempt | Refund, job: Job, delay_s: float = 0.0) -> None:
        """Asks for a job under a number of its own, and notes when it is due, so that the sweep sees one that
        was lost.
        """
        due = self.clock.now() + timedelta(seconds=delay_s)
        counted = _COUNT_JOB[type(subject)]
        number = tx.execute(counted, {"wanted": subject.id, "look_at": due}).scalar_one()
        self.work.enqueue(tx, job, subject.id, nth=number, delay_s=delay_s)

    def ask_again(self, tx: sa.Connection, attempt: Attempt, reason: str, *, log_as: str) -> None:
        """Asks for the same job of an attempt that is still in its state; after a day a person decides."""
        open_s = (self.clock.now() - store.state_since(tx, attempt)).total_seconds()
        facts = {"attempt_id": attempt.id, "state": str(attempt.state), "reason": reason, "open_s": open_s}
        log.warning(log_as, **facts)
        delay_s = timeouts.ASK_AGAIN.next_delay_s(open_s)
        job = NEXT_JOB[attempt.state]
        if delay_s is None or job is None:
            self.move(tx, attempt, Event.NEEDS_REVIEW, note=reason)
        else:
            self.ask(tx, attempt, job, delay_s)

    def verify(self, tx: sa.Connection, subject: Attempt | Refund, delay_s: float = 0.0) -> None:
        """The gateway is to be asked whether it is right and our books are not, until it has answered."""
        is_attempt = isinstance(subject, Attempt)
        table = tables.attempt if is_attempt else tables.refund
        tx.execute(
            sa.update(table)
            .where(table.c.id == subject.id, table.c.verify_since.is_(None))
            .values(verify_since=self.clock.now())
        )
        self.ask(tx, subject, VERIFY_ATTEMPT if is_attempt else VERIFY_REFUND, delay_s)

    def verified(self, tx: sa.Connection, subject: Attempt | Refund, **facts: Any) -> None:
        """The gateway has answered, or a person looks: nothing is asked any more."""
        table = tables.attempt if isinstance(subject, Attempt) else tables.refund
        done = {"verify_since": None, "look_at": None, **facts}
        tx.execute(sa.update(table).where(table.c.id == subject.id).values(**done))

    def _settle(self, tx: sa.Connection, attempt: Attempt, now: datetime) -> None:
        """The reservation goes with the state: held, settled or released."""
        if attempt.state is State.APPROVED:
            reservation.settle(tx, attempt.bill_id, attempt.amount_minor, now)
            ledger.post_charge(
                tx,
                ids=self.ids,
                attempt_id=attempt.id,
                bill_id=attempt.bill_id,
                gateway=attempt.gateway,
                amount_minor=attempt.amount_minor,
                currency=attempt.currency,
                at=now,
            )
            self._compare_with_source(tx, attempt)
            self._compare_with_others(tx, attempt)
        elif attempt.state in FINAL:
            reservation.release(tx, attempt.bill_id, attempt.amount_minor, now)

    def _compare_with_source(self, tx: sa.Connection, attempt: Attempt) -> None:
        """Who has paid what its source had called paid, or had withdrawn, has paid too much: finance is told.
        Never given back by itself: the source may have meant this very payment.
        """
        if over_minor := reservation.overpaid_minor(tx, attempt.bill_id):
            over = plain(over_minor, attempt.currency)
            note = f"the bill had been reported as paid elsewhere: {over} is paid twice"
            self._differ(tx, attempt, Difference.PAID_ELSEWHERE_TOO, note)
        if reservation.is_withdrawn(tx, attempt.bill_id):
            note = "the bill had been withdrawn"
            self._differ(tx, attempt, Difference.PAID_THOUGH_WITHDRAWN, note)

    def _compare_with_others(self, tx: sa.Connection, attempt: Attempt) -> None:
        """One charge of the gateway is one payment's. Where two hold it both stay booked, for nobody but a
        person can say whose it is: a constraint here would keep the true one out of the books.
        """
        if attempt.gateway_reference is None:
            return
        is_booked = tables.attempt.c.state == State.APPROVED
        if other := store.other_of_charge(tx, attempt, attempt.gateway_reference, is_booked):
            note = (
                f"payment {other} has the same charge: find out which of the two it belongs to, and whether "
                "the other one was charged"
            )
            self._differ(tx, attempt, Difference.CHARGE_OF_TWO_PAYMENTS, note)

    def _differ(self, tx: sa.Connection, attempt: Attempt, what: Difference, note: str) -> None:
        facts = {"attempt_id": attempt.id, "call_id": attempt.call_id, "reference": attempt.reference}
        log.error(str(what), note=note, **facts)
        self.write_down(tx, attempt.id, what, attempt.state, note)

    def _emit(self, tx: sa.Connection, before: Attempt, attempt: Attempt) -> None:
        event_type = EVENT_OF.get(attempt.state)
        is_news = attempt.state is not State.UNKNOWN or before.unknown_since is None
        if event_type is None or not is_news:
            return
        if attempt.state is State.NEEDS_REVIEW:
            log.error("attempt_for_a_person", attempt_id=attempt.id, reference=attempt.reference)
        self.events.emit(tx, event_type(payment_facts(attempt)))
        if attempt.state is State.APPROVED:
            self._tie_disputes(tx, attempt)

    def _tie_disputes(self, tx: sa.Connection, attempt: Attempt) -> None:
        """The payer's bank can be faster than our own books."""
        if attempt.gateway_reference is None:
            return
        now = self.clock.now()
        for told in disputes.tie(tx, attempt.gateway, attempt.gateway_reference, attempt.id, now):
            self.disputed(tx, attempt, told)

    def disputed(self, tx: sa.Connection, attempt: Attempt, told: DisputeUpdated) -> None:
        """The payer's bank wants the money back, or has decided: the merchant has to answer in time."""
        log.error("payment_disputed", attempt_id=attempt.id, dispute=told.reference, state=told.state)
        self.events.emit(tx, PaymentDisputed(payment_facts(attempt), told))

    def _follow_up(self, tx: sa.Connection, before: State, attempt: Attempt, now: datetime) -> None:
        """The job that looks at the attempt next."""
        match attempt.state:
            case State.AUTHORIZING:
                self.ask(tx, attempt, EXPIRE_ATTEMPT, (attempt.deadline_at - now).total_seconds())
            case State.CLAIMED:
                self.ask(tx, attempt, RESOLVE_ATTEMPT, timeouts.UNDER_WAY_S)
            case State.UNKNOWN:
                self.ask(tx, attempt, RESOLVE_ATTEMPT)
            case State.VOIDING:
                self.ask(tx, attempt, RELEASE_ATTEMPT)
            case State.LINK_OPEN:
                self.ask(tx, attempt, LOOK_AT_LINK, self._until_link_ends_s(tx, attempt, now))
            case State.LINK_CLOSING:
                self.ask(tx, attempt, LOOK_AT_LINK)
            case State.APPROVED if attempt.given_back_heard_at is not None:
                self.verify(tx, attempt)
            case State.AUTHORIZED if before is State.UNKNOWN:
                self._found_authorized(tx, attempt, now)
            case _:
                pass

    def _until_link_ends_s(self, tx: sa.Connection, attempt: Attempt, now: datetime) -> float:
        link = link_store.of(tx, attempt)
        if link is None:
            raise RuntimeError(f"attempt {attempt.id} has no link to be open")
        return link.seconds_until_look(now)

    def _found_authorized(self, tx: sa.Connection, attempt: Attempt, now: datetime) -> None:
        """An authorization found again is captured for a caller who waits, and let go otherwise."""
        if not store.caller_waits(tx, attempt, now):
            self.move(tx, attempt, Event.VOID, note="found authorized, and nobody waits")
        elif attempt.charge_asked_at is not None:
            # A capture that was sent before and did not arrive is sent again, and not as fast as we can.
            sent_before = attempt.claimed_at is not None
            self.ask(tx, attempt, CHARGE_ATTEMPT, timeouts.LOOK_FIRST_S if sent_before else 0.0)
        else:
            self.ask(tx, attempt, EXPIRE_ATTEMPT, (attempt.deadline_at - now).total_seconds())


def _stamps(  # noqa: PLR0911 - one line a state
    attempt: Attempt, state: State, now: datetime
) -> dict[str, Any]:
    """The moments that go with a state, and what is wiped in it."""
    if state in FINAL:
        asked_anew = {"verify_since": None} if state is State.APPROVED else {}
        return {"settled_at": now, "look_at": None, "token": None, "gateway_authorization": None} | asked_anew
    match state:
        case State.AUTHORIZING:
            return {"deadline_at": now + timedelta(seconds=timeouts.CARD_WITHIN_S)}
        case State.CLAIMED:
            return {"claimed_at": now}
        case State.LINK_OPEN:
            return {"promised_at": None}  # the text with the link keeps what was promised
        case State.UNKNOWN:
            return {"unknown_since": attempt.unknown_since or now}
        case State.NEEDS_REVIEW:
            return {"look_at": None}
        case _:
            return {}
