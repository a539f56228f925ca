"""The jobs behind a refund: sent once, outside any transaction; where the answer is lost, looked up until it
is certain.

A refund is marked as sent before it is sent: whoever finds it marked looks it up instead of sending again;
one that the gateway does not know, and cannot fence, is sent again under its own key, which gives back once.
Approved writes the ledger's reversal and makes the bill due again by as much; declined gives the amount back
to what can still be refunded. After a day a person decides. What the gateway says later against our books is
asked about until it is certain, and booked once it can be.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.contract import Approved, Cancelled, Declined, RefundFound, RefundNotFound, Unknown
from ivr.bills import reservation
from ivr.events.refund_events import RefundApproved, RefundDeclined
from ivr.finance import ledger
from ivr.jobs.job_list import RESOLVE_REFUND
from ivr.payments import tables, timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.discrepancies import Difference
from ivr.payments.event_facts import payment_facts, refund_facts
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.public_state import public_state
from ivr.payments.refunds import store
from ivr.payments.refunds.states import REFUND_FINAL, RefundState
from ivr.payments.refunds.store import Refund
from ivr.platform.database.engine import reading
from ivr.platform.money import plain

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RefundJobs:
    """Sends refunds to one gateway, and looks up those whose answer was lost."""

    engine: sa.Engine
    transitions: Transitions
    gateway: GatewayClient

    def send(self, refund_id: str, _nth: int) -> None:
        """Sends the refund, unless it may have been sent before."""
        with self.engine.begin() as tx:
            refund = store.locked(tx, refund_id)
            attempt = attempt_store.get(tx, refund.attempt_id)
            if refund.state is not RefundState.ASKED or not self.gateway.is_of(attempt):
                return
            self._change(tx, refund, RefundState.UNKNOWN, sent_at=self.transitions.clock.now())
            self.transitions.ask(tx, refund, RESOLVE_REFUND, timeouts.UNDER_WAY_S)
        answer = self.gateway.refund(attempt, refund)
        with self.engine.begin() as tx:
            refund = self._record(tx, refund_id, answer)
            if refund.state is RefundState.UNKNOWN:
                self.transitions.ask(tx, refund, RESOLVE_REFUND)
            elif _differs(answer, refund):
                self.transitions.verify(tx, refund)

    def resolve(self, refund_id: str, nth: int) -> None:
        """One look at a refund whose answer was lost; asks for the next one where it is still unknown."""
        with reading(self.engine) as tx:
            refund = store.get(tx, refund_id)
            attempt = attempt_store.get(tx, refund.attempt_id)
        if refund.state is not RefundState.UNKNOWN or refund.jobs != nth or refund.sent_at is None:
            return
        open_s = (self.transitions.clock.now() - refund.sent_at).total_seconds()
        answer = self.gateway.lookup_refund(attempt, refund, cancel=open_s >= timeouts.UNDER_WAY_S)
        if isinstance(answer, RefundNotFound) and open_s < timeouts.SEND_REFUND_AGAIN_WITHIN_S:
            answer = self.gateway.refund(attempt, refund)
        with self.engine.begin() as tx:
            refund = self._record(tx, refund_id, answer)
            if refund.state is RefundState.UNKNOWN and refund.jobs == nth:
                self._look_again(tx, refund)
            elif _differs(answer, refund):
                self.transitions.verify(tx, refund)

    def verify(self, refund_id: str, nth: int) -> None:
        """One look at a refund that is over, or waits for a person, because the gateway spoke of it; asks for
        the next one where it does not say, or where what it says cannot be booked yet.
        """
        with reading(self.engine) as tx:
            refund = store.get(tx, refund_id)
            attempt = attempt_store.get(tx, refund.attempt_id)
        if refund.state in {RefundState.ASKED, RefundState.UNKNOWN} or refund.jobs != nth:
            return
        answer = self.gateway.lookup_refund(attempt, refund, cancel=False)
        with self.engine.begin() as tx:
            refund = self._record(tx, refund_id, answer)
            if refund.jobs != nth:
                return  # another notice asked for a look of its own meanwhile
            if isinstance(answer, Unknown | RefundNotFound) or _differs(answer, refund):
                self._verify_again(tx, refund, answer)
            else:
                self.transitions.verified(tx, refund)

    def decide(self, tx: sa.Connection, refund_id: str, *, refunded: bool, who: str) -> Refund:
        """A person's word, with the gateway's dashboard open, on a refund that nobody could resolve."""
        refund = store.locked(tx, refund_id)
        if refund.state is not RefundState.NEEDS_REVIEW:
            raise ValueError(
                f"refund {refund_id} is {public_state(refund.state)}: there is nothing to decide"
            )
        note = f"decided by {who}"
        return self._approve(tx, refund, None, note) if refunded else self._decline(tx, refund, None, note)

    def _record(self, tx: sa.Connection, refund_id: str, answer: RefundFound) -> Refund:
        """The refund after the answer. One that contradicts an earlier answer is booked where it can be."""
        refund = store.locked(tx, refund_id)
        match answer:
            case Approved(gateway_reference) if refund.state not in REFUND_FINAL:
                return self._approve(tx, refund, gateway_reference, "")
            case Declined(_, gateway_code) if refund.state not in REFUND_FINAL:
                return self._decline(tx, refund, gateway_code, "")
            case Cancelled() if refund.state not in REFUND_FINAL:
                return self._decline(tx, refund, None, "never reached the gateway")
            case Approved(gateway_reference) if refund.state is RefundState.DECLINED:
                return self._given_back_after_all(tx, refund, gateway_reference)
            case Declined(_, gateway_code) if refund.state is RefundState.APPROVED:
                return self._come_back(tx, refund, gateway_code)
            case Cancelled() if refund.state is RefundState.APPROVED:
                self._contradiction(tx, refund, answer)
            case _:
                pass
        return refund

    def _approve(self, tx: sa.Connection, refund: Refund, gateway_reference: str | None, note: str) -> Refund:
        attempt = attempt_store.locked(tx, refund.attempt_id)
        now = self.transitions.clock.now()
        done = self._change(
            tx,
            refund,
            RefundState.APPROVED,
            note=note,
            gateway_reference=attempt_store.fit(tables.refund.c.gateway_reference, gateway_reference),
            settled_at=now,
            look_at=None,
        )
        reservation.give_back(tx, attempt.bill_id, refund.amount_minor, now)
        ledger.post_refund(
            tx,
            ids=self.transitions.ids,
            refund_id=refund.id,
            bill_id=attempt.bill_id,
            gateway=attempt.gateway,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            at=now,
        )
        event = RefundApproved(payment_facts(attempt), refund_facts(done))
        self.transitions.events.emit(tx, event)
        return done

    def _decline(self, tx: sa.Connection, refund: Refund, gateway_code: str | None, note: str) -> Refund:
        attempt = attempt_store.locked(tx, refund.attempt_id)
        done = self._change(
            tx,
            refund,
            RefundState.DECLINED,
            note=note,
            gateway_code=attempt_store.fit(tables.refund.c.gateway_code, gateway_code),
            settled_at=self.transitions.clock.now(),
            look_at=None,
        )
        tx.execute(
            sa.update(tables.attempt)
            .where(tables.attempt.c.id == attempt.id)
            .values(refunded_minor=tables.attempt.c.refunded_minor - refund.amount_minor)
        )
        attempt = attempt_store.get(tx, attempt.id)
        event = RefundDeclined(payment_facts(attempt), refund_facts(done))
        self.transitions.events.emit(tx, event)
        return done

    def _come_back(self, tx: sa.Connection, refund: Refund, gateway_code: str) -> Refund:
        """The payer's bank did not take it, days later: the merchant has the money again, and the payer has
        not. A person gives it back by another way. While somebody else is paying that part of the bill,
        nothing is changed; where they have paid it, the bill is paid twice, and the refund's end says so.
        """
        attempt = attempt_store.locked(tx, refund.attempt_id)
        now = self.transitions.clock.now()
        if not reservation.paid_after_all(tx, attempt.bill_id, refund.amount_minor, now):
            return refund
        twice_minor = reservation.overpaid_minor(tx, attempt.bill_id)
        log.error(
            "refund_came_back",
            refund_id=refund.id,
            attempt_id=attempt.id,
            gateway_code=gateway_code,
            overpaid_minor=twice_minor,
        )
        ledger.post_refund_failed(
            tx,
            ids=self.transitions.ids,
            refund_id=refund.id,
            bill_id=attempt.bill_id,
            gateway=attempt.gateway,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            at=now,
        )
        note = "the refund came back"
        if twice_minor > 0:
            note += (
                f"; the bill was paid again meanwhile: {plain(twice_minor, refund.currency)} too much is paid"
            )
        told = f"{refund.id} {note}; {plain(refund.amount_minor, refund.currency)} is owed to the payer"
        self.transitions.write_down(tx, attempt.id, Difference.REFUND_CAME_BACK, attempt.state, told)
        return self._decline(tx, refund, gateway_code, note)

    def _given_back_after_all(
        self, tx: sa.Connection, refund: Refund, gateway_reference: str | None
    ) -> Refund:
        """We hold it as refused, and the payer has the money. While its amount is taken by other refunds,
        which the gateway is about to refuse, nothing is changed.
        """
        attempt = attempt_store.locked(tx, refund.attempt_id)
        is_free = attempt.refunded_minor + refund.amount_minor <= attempt.amount_minor
        if not is_free or ledger.has(tx, ledger.Kind.REFUND, refund.id):
            return refund
        log.error("refund_was_given_back_after_all", refund_id=refund.id, attempt_id=attempt.id)
        tx.execute(
            sa.update(tables.attempt)
            .where(tables.attempt.c.id == attempt.id)
            .values(refunded_minor=tables.attempt.c.refunded_minor + refund.amount_minor)
        )
        return self._approve(tx, refund, gateway_reference, "given back after all")

    def _look_again(self, tx: sa.Connection, refund: Refund) -> None:
        sent_at = refund.sent_at or refund.created_at
        open_s = (self.transitions.clock.now() - sent_at).total_seconds()
        log.warning("refund_still_unknown", refund_id=refund.id, attempt_id=refund.attempt_id, open_s=open_s)
        delay_s = timeouts.ASK_AGAIN.next_delay_s(open_s)
        if delay_s is None:
            log.error("refund_for_a_person", refund_id=refund.id, attempt_id=refund.attempt_id)
            self._change(tx, refund, RefundState.NEEDS_REVIEW, look_at=None)
        else:
            self.transitions.ask(tx, refund, RESOLVE_REFUND, delay_s)

    def _verify_again(self, tx: sa.Connection, refund: Refund, answer: RefundFound) -> None:
        """For a day. What came back while its bill is being paid is asked about until that has ended."""
        now = self.transitions.clock.now()
        open_s = (now - (refund.verify_since or now)).total_seconds()
        says = type(answer).__name__.lower()
        delay_s = timeouts.ASK_AGAIN.next_delay_s(open_s)
        facts = {"refund_id": refund.id, "attempt_id": refund.attempt_id, "says": says, "open_s": open_s}
        if isinstance(answer, Declined):
            tell = log.error if delay_s is None else log.warning
            tell("refund_came_back_to_a_bill_that_is_being_paid", **facts)
            self.transitions.verify(tx, refund, delay_s or timeouts.ASK_AGAIN_LATE_S)
        elif delay_s is not None:
            log.warning("refund_still_unverified", **facts)
            self.transitions.verify(tx, refund, delay_s)
        elif isinstance(answer, Approved):
            self._contradiction(tx, refund, answer)
            self.transitions.verified(tx, refund)
        else:
            log.error("refund_notice_for_a_person", **facts)
            attempt = attempt_store.get(tx, refund.attempt_id)
            note = f"{refund.id} the gateway reported something about it, but does not say what became of it"
            self.transitions.write_down(tx, attempt.id, Difference.REFUND_UNVERIFIED, attempt.state, note)
            self.transitions.verified(tx, refund)

    def _change(
        self, tx: sa.Connection, refund: Refund, state: RefundState, *, note: str = "", **values: Any
    ) -> Refund:
        """A compare-and-set on the refund, written down in its payment's history."""
        changed = tx.execute(
            sa.update(tables.refund)
            .where(tables.refund.c.id == refund.id, tables.refund.c.state == refund.state)
            .values(state=state, **values)
        )
        if changed.rowcount != 1:
            raise RuntimeError(
                f"refund {refund.id} is no longer {refund.state}: it was moved without its lock"
            )
        attempt = attempt_store.get(tx, refund.attempt_id)
        self.transitions.write_down(
            tx, refund.attempt_id, f"refund_{state}", attempt.state, f"{refund.id} {note}".strip()
        )
        log.info("refund_moved", refund_id=refund.id, attempt_id=refund.attempt_id, state=str(state))
        return store.get(tx, refund.id)

    def _contradiction(self, tx: sa.Connection, refund: Refund, answer: RefundFound) -> None:
        """The gateway says now what it had ruled out: it is kept, and a person has to hear of it."""
        said = type(answer).__name__.lower()
        log.critical(
            "gateway_contradicts_itself",
            refund_id=refund.id,
            attempt_id=refund.attempt_id,
            state=str(refund.state),
            says=said,
        )
        attempt = attempt_store.get(tx, refund.attempt_id)
        note = f"{refund.id} the gateway says {said}"
        self.transitions.write_down(tx, attempt.id, Difference.CONTRADICTION, attempt.state, note)


def _differs(answer: RefundFound, refund: Refund) -> bool:
    """Whether the gateway is certain of something that could not be booked yet."""
    match answer:
        case Approved():
            return refund.state is RefundState.DECLINED
        case Declined():
            return refund.state is RefundState.APPROVED
        case _:
            return False
