"""The only way a refund moves: a compare-and-set, and in the same transaction what belongs to its new state:
the bill, the ledger, the payment's history and the event.

Approved writes the ledger's reversal and makes the bill due again by as much; declined makes the amount
refundable again. What the gateway says later against our books is booked once that is possible.
"""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.contract import Approved, Cancelled, Declined, RefundFound
from ivr.bills import reservation
from ivr.events.payment_events import RefundApproved, RefundDeclined, RefundFacts
from ivr.finance import ledger
from ivr.finance.ledger import EntryKind
from ivr.jobs.job_list import RECHECK_REFUND, REFUND_PAYMENT, RESOLVE_REFUND, Job
from ivr.payments import history, tables
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.gateway_answers import WORDS
from ivr.payments.attempts.store import Attempt, fit
from ivr.payments.attempts.transitions import payment_facts
from ivr.payments.history import Difference
from ivr.payments.refunds import store
from ivr.payments.refunds.store import REFUND_FINAL, Refund, RefundState
from ivr.payments.row_transitions import RowTransitions
from ivr.platform.money import plain

log = structlog.get_logger()
NEXT_JOB: dict[RefundState, Job] = {RefundState.ASKED: REFUND_PAYMENT, RefundState.UNKNOWN: RESOLVE_REFUND}


@dataclass(frozen=True, slots=True)
class RefundTransitions(RowTransitions):
    """Moves refunds, and schedules the jobs that look at them. A refund that is passed in was read by
    `store.locked` in the same transaction.
    """

    # Moving -------------------------------------------------------------------------------------------------

    def move(
        self, tx: sa.Connection, refund: Refund, state: RefundState, *, note: str = "", **values: Any
    ) -> Refund:
        """The refund in its new state, written into its payment's history."""
        moved = store.move(tx, refund, state, **values)
        self.add_history(tx, refund, f"refund_{state}", note)
        log.info("refund_moved", refund_id=refund.id, attempt_id=refund.attempt_id, state=str(state))
        return moved

    def record(self, tx: sa.Connection, refund: Refund, answer: RefundFound) -> Refund:
        """The refund after the gateway's answer. One that contradicts an earlier answer is booked where it
        can be.
        """
        is_open = refund.state not in REFUND_FINAL
        match answer:
            case Approved(gateway_reference) if is_open:
                return self.approve(tx, refund, gateway_reference)
            case Declined(_, gateway_code) if is_open:
                return self.decline(tx, refund, gateway_code)
            case Cancelled() if is_open:
                return self.decline(tx, refund, None, "never reached the gateway")
            case Approved(gateway_reference) if refund.state is RefundState.DECLINED:
                return self._approve_after_all(tx, refund, gateway_reference)
            case Declined(_, gateway_code) if refund.state is RefundState.APPROVED:
                return self._take_back(tx, refund, gateway_code)
            case Cancelled() if refund.state is RefundState.APPROVED:
                self.report_contradiction(tx, refund, answer)
            case _:
                pass
        return refund

    def approve(
        self, tx: sa.Connection, refund: Refund, gateway_reference: str | None, note: str = ""
    ) -> Refund:
        """The payer has the money back."""
        attempt = attempt_store.locked(tx, refund.attempt_id)
        now = self.clock.now()
        reference = fit(tables.refund.c.gateway_reference, gateway_reference)
        ended = {"settled_at": now, "look_at": None}
        done = self.move(tx, refund, RefundState.APPROVED, note=note, gateway_reference=reference, **ended)
        reservation.give_back(tx, attempt.bill_id, refund.amount_minor, now)
        self._post(tx, EntryKind.REFUND, refund, attempt)
        self.events.emit(tx, RefundApproved(payment_facts(attempt), refund_facts(done)))
        return done

    def decline(self, tx: sa.Connection, refund: Refund, gateway_code: str | None, note: str = "") -> Refund:
        """The payer does not have the money back, and will not under this refund."""
        attempt_store.locked(tx, refund.attempt_id)
        code = fit(tables.refund.c.gateway_code, gateway_code)
        ended = {"settled_at": self.clock.now(), "look_at": None}
        done = self.move(tx, refund, RefundState.DECLINED, note=note, gateway_code=code, **ended)
        attempt_store.release_refund(tx, refund.attempt_id, refund.amount_minor)
        attempt = attempt_store.get(tx, refund.attempt_id)
        self.events.emit(tx, RefundDeclined(payment_facts(attempt), refund_facts(done)))
        return done

    def _take_back(self, tx: sa.Connection, refund: Refund, gateway_code: str) -> Refund:
        """The payer's bank returned it, days later: the merchant has the money again. A person refunds it by
        another way. While somebody else is paying that part of the bill, nothing is changed; where they have
        paid it, the bill is paid twice, and the refund's note says so.
        """
        attempt = attempt_store.locked(tx, refund.attempt_id)
        if not reservation.paid_after_all(tx, attempt.bill_id, refund.amount_minor, self.clock.now()):
            return refund
        twice_minor = reservation.overpaid_minor(tx, attempt.bill_id)
        log.error(
            "refund_came_back",
            refund_id=refund.id,
            attempt_id=attempt.id,
            gateway_code=gateway_code,
            overpaid_minor=twice_minor,
        )
        self._post(tx, EntryKind.REFUND_FAILED, refund, attempt)
        note = "the refund came back"
        if twice_minor > 0:
            twice = plain(twice_minor, refund.currency)
            note += f"; the bill was paid again meanwhile: {twice} too much is paid"
        owed = f"{note}; {plain(refund.amount_minor, refund.currency)} is owed to the payer"
        self.add_history(tx, refund, Difference.REFUND_CAME_BACK, owed)
        return self.decline(tx, refund, gateway_code, note)

    def _approve_after_all(self, tx: sa.Connection, refund: Refund, gateway_reference: str | None) -> Refund:
        """Our books hold it as declined, and the payer has the money. While its amount is taken by other
        refunds, which the gateway is about to decline, nothing is changed.
        """
        attempt = attempt_store.locked(tx, refund.attempt_id)
        if ledger.has(tx, EntryKind.REFUND, refund.id):
            return refund
        if not attempt_store.reserve_refund(tx, attempt.id, refund.amount_minor):
            return refund
        log.error("refund_was_given_back_after_all", refund_id=refund.id, attempt_id=attempt.id)
        return self.approve(tx, refund, gateway_reference, "given back after all")

    def report_contradiction(self, tx: sa.Connection, refund: Refund, answer: RefundFound) -> None:
        """The gateway says now what it had ruled out: it is recorded, and logged for a person."""
        said = WORDS[type(answer)]
        facts = {"refund_id": refund.id, "attempt_id": refund.attempt_id, "state": str(refund.state)}
        log.critical("gateway_contradicts_itself", **facts, says=said)
        self.add_history(tx, refund, Difference.CONTRADICTION, f"the gateway says {said}")

    def add_history(self, tx: sa.Connection, refund: Refund, event: str, note: str) -> None:
        """A line in the payment's history. A note about a refund begins with the refund's id."""
        attempt = attempt_store.get(tx, refund.attempt_id)
        said = f"{refund.id} {note}".strip()
        history.add(tx, attempt.id, event, attempt.state, at=self.clock.now(), note=said)

    def _post(self, tx: sa.Connection, kind: EntryKind, refund: Refund, attempt: Attempt) -> None:
        ledger.post(
            tx,
            kind,
            refund.id,
            ids=self.ids,
            bill_id=attempt.bill_id,
            gateway=attempt.gateway,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            at=self.clock.now(),
        )

    # Jobs ---------------------------------------------------------------------------------------------------

    def schedule(self, tx: sa.Connection, refund: Refund, job: Job, delay_s: float = 0.0) -> Refund:
        """Schedules the job under a new number."""
        return replace(refund, jobs=self.schedule_job(tx, tables.refund, refund.id, job, delay_s))

    def reschedule_lost(self, tx: sa.Connection, refund_id: str) -> bool:
        """Schedules an overdue job again; False where the refund needs none."""
        refund = store.locked(tx, refund_id)
        job = NEXT_JOB.get(refund.state, None if refund.verify_since is None else RECHECK_REFUND)
        if job is None:
            return False
        call_id = attempt_store.get(tx, refund.attempt_id).call_id
        facts = {"refund_id": refund_id, "call_id": call_id, "state": str(refund.state)}
        log.error("refund_job_lost", job=job.name, **facts)
        self.schedule(tx, refund, job)
        return True

    def recheck(self, tx: sa.Connection, refund: Refund, delay_s: float = 0.0) -> None:
        """Schedules the recheck job; notes since when. `RefundJobs.recheck` says when it ends."""
        if refund.verify_since is None:
            store.update(tx, refund.id, verify_since=self.clock.now())
        self.schedule(tx, refund, RECHECK_REFUND, delay_s)

    def end_recheck(self, tx: sa.Connection, refund: Refund) -> None:
        """Clears `verify_since` and `look_at`."""
        store.update(tx, refund.id, verify_since=None, look_at=None)


def refund_facts(refund: Refund) -> RefundFacts:
    """The refund as it stands now, for events."""
    return RefundFacts(id=refund.id, amount_minor=refund.amount_minor, state=refund.state.public)
