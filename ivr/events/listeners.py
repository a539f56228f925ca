"""What a payment sets off in the rest of the house: a line in the timeline, one confirmation, one word to the
merchant.

Implements the port of `ivr.payments.payment_events`: everything is written in the transaction that moves the
money's record.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.events import DisputeUpdated
from ivr.bills import store as bills
from ivr.customers import timeline
from ivr.fraud.guard import Guard
from ivr.integrations import webhooks_out as outcomes
from ivr.integrations.webhooks_out import Kind
from ivr.jobs.job_list import Work
from ivr.messaging import messages as confirmation
from ivr.messaging.templates import LinkOffer, Receipt
from ivr.payments.attempts.payer_approval import PayerApproval, is_instead_of_a_card
from ivr.payments.attempts.service import AttemptService
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt
from ivr.payments.links import store as pay_link
from ivr.payments.links.store import LinkTerms
from ivr.payments.public_state import public_state
from ivr.payments.refunds.store import Refund
from ivr.payments.saved_cards.store import SavedCard
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.wording import PLAIN, Wording

log = structlog.get_logger()


class HouseConsequences:
    """`channel` is how confirmations leave; with `tells_merchant`, each outcome is posted to
    the merchant, with the page that `dashboard_url` gives for the gateway's reference.
    """

    def __init__(
        self,
        *,
        work: Work,
        clock: Clock,
        ids: Ids,
        guard: Guard,
        merchant_name: str,
        wording: Wording = PLAIN,
        channel: str,
        tells_merchant: bool,
        gateway: str,
        dashboard_url: Callable[[str], str | None],
        links: LinkTerms | None = None,
    ) -> None:
        """`links`: how payers are sent links; None where `gateway` has no payment pages."""
        attempts = AttemptService(
            gateway=gateway,
            work=work,
            clock=clock,
            ids=ids,
            consequences=self,
            links=links,
            wording=wording,
        )
        self._approvals = PayerApproval(attempts, clock)
        self._guard = guard
        self._work = work
        self._clock = clock
        self._ids = ids
        self._merchant_name = merchant_name
        self._wording = wording
        self._channel = channel
        self._tells_merchant = tells_merchant
        self._dashboard_url = dashboard_url

    def approved(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._guard.approved(tx, attempt)
        self._confirm(tx, attempt, charged=True)
        self._note(tx, Kind.PAYMENT_APPROVED, attempt)

    def declined(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._guard.declined(tx, attempt)
        self._keep_promise(tx, attempt)
        self._note(tx, Kind.PAYMENT_DECLINED, attempt, {"decline": attempt.decline})

    def not_charged(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._guard.not_charged(tx, attempt)
        self._keep_promise(tx, attempt)
        self._note(tx, Kind.PAYMENT_NOT_CHARGED, attempt, {"internal_state": attempt.state})

    def left_unheard(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._keep_promise(tx, attempt)

    def link_opened(self, tx: sa.Connection, attempt: Attempt) -> None:
        """One text carries it. Only a link that an earlier release promised to a withheld caller has nobody
        to be texted to: it stays open, unknown to all, until it expires.
        """
        link = pay_link.of(tx, attempt)
        if link is None:
            raise RuntimeError(f"attempt {attempt.id} has no link that was opened")
        self._write_down(tx, "link.opened", attempt)
        if attempt.payer_phone is None:
            log.warning("link_reaches_nobody", attempt_id=attempt.id)
            return
        confirmation.record_link(
            tx,
            attempt_id=attempt.id,
            offer=LinkOffer(
                merchant=self._merchant_name,
                wording=self._wording,
                amount_minor=attempt.amount_minor,
                currency=attempt.currency,
                bill=bills.get(tx, attempt.bill_id).reference,
                url=link.short_url,
                minutes_left=link.minutes_left(self._clock.now()),
                unheard=is_instead_of_a_card(attempt),
            ),
            language=attempt.language,
            payer_phone=attempt.payer_phone,
            channel=self._channel,
            work=self._work,
            clock=self._clock,
            ids=self._ids,
        )

    def unknown(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._note(tx, Kind.PAYMENT_UNKNOWN, attempt)

    def for_a_person(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._note(tx, Kind.PAYMENT_NEEDS_REVIEW, attempt)

    def disputed(self, tx: sa.Connection, attempt: Attempt, dispute: DisputeUpdated) -> None:
        facts = {
            "dispute": dispute.reference,
            "dispute_state": dispute.state,
            "dispute_minor": dispute.amount_minor,
            "reason": dispute.reason,
            "answer_by": None if dispute.answer_by is None else dispute.answer_by.date().isoformat(),
        }
        # what is news of a dispute, `disputes.keep` says: a bank may decide the same a second time
        self._note(tx, Kind.PAYMENT_DISPUTED, attempt, facts, source_id=self._ids.new("told"))

    def refunded(self, tx: sa.Connection, attempt: Attempt, refund: Refund) -> None:
        self._note(tx, Kind.REFUND_APPROVED, attempt, _refund_facts(refund), source_id=refund.id)

    def refund_declined(self, tx: sa.Connection, attempt: Attempt, refund: Refund) -> None:
        self._note(tx, Kind.REFUND_DECLINED, attempt, _refund_facts(refund), source_id=refund.id)

    def card_kept(self, tx: sa.Connection, card: SavedCard) -> None:
        self._write_down_card(tx, "card.kept", card)

    def card_not_kept(self, tx: sa.Connection, card: SavedCard) -> None:
        self._write_down_card(tx, "card.not_kept", card)

    def card_forgotten(self, tx: sa.Connection, card: SavedCard) -> None:
        self._write_down_card(tx, "card.forgotten", card)

    def _write_down_card(self, tx: sa.Connection, kind: str, card: SavedCard) -> None:
        facts = {
            "card_id": card.id,
            "brand": card.brand,
            "last_four": card.last_four,
            "by": card.forgotten_by,
        }
        timeline.add(
            tx,
            kind,
            at=self._clock.now(),
            customer_id=card.customer_id,
            call_id=card.call_id,
            attempt_id=card.attempt_id,
            facts={name: value for name, value in facts.items() if value is not None},
        )

    def _keep_promise(self, tx: sa.Connection, attempt: Attempt) -> None:
        """Who left without hearing the outcome reads that nothing was charged, or how to pay all the same."""
        if attempt.promised_at is None or attempt.payer_phone is None:
            return
        if not self._approvals.send_link(tx, attempt):
            self._confirm(tx, attempt, charged=False)

    def _confirm(self, tx: sa.Connection, attempt: Attempt, *, charged: bool) -> None:
        bill = bills.get(tx, attempt.bill_id)
        confirmation.record(
            tx,
            attempt_id=attempt.id,
            receipt=Receipt(
                merchant=self._merchant_name,
                wording=self._wording,
                amount_minor=attempt.amount_minor,
                currency=attempt.currency,
                bill=bill.reference,
                last_four=attempt.last_four or "",
                reference=attempt.reference,
            ),
            charged=charged,
            may_be_pending=attempt.state is State.VOIDED or attempt.gateway_authorization is not None,
            language=attempt.language,
            payer_phone=attempt.payer_phone,
            can_text=attempt.payer_phone is not None,
            channel=self._channel,
            work=self._work,
            clock=self._clock,
            ids=self._ids,
        )

    def _note(
        self,
        tx: sa.Connection,
        kind: Kind,
        attempt: Attempt,
        facts: dict[str, Any] | None = None,
        *,
        source_id: str | None = None,
    ) -> None:
        """In the timeline, and to the merchant where there is one that listens."""
        self._write_down(tx, kind, attempt, facts)
        if not self._tells_merchant:
            return
        bill = bills.get(tx, attempt.bill_id)
        told = {
            "reference": attempt.reference,
            "bill_reference": bill.reference,
            **_state_facts(kind, attempt),
            "amount_minor": attempt.amount_minor,
            "currency": attempt.currency,
            "method": attempt.method,
            "gateway": attempt.gateway,
            "gateway_reference": attempt.gateway_reference,
            "gateway_url": self._dashboard_url(attempt.gateway_reference)
            if attempt.gateway_reference
            else None,
            "brand": attempt.brand,
            "last_four": attempt.last_four,
            "call_id": attempt.call_id,
            **(facts or {}),
        }
        outcomes.record(
            tx,
            kind=kind,
            source_id=source_id or attempt.id,
            attempt_id=attempt.id,
            facts=told,
            work=self._work,
            clock=self._clock,
            ids=self._ids,
        )

    def _write_down(
        self, tx: sa.Connection, kind: str, attempt: Attempt, facts: dict[str, Any] | None = None
    ) -> None:
        # Amounts stay in the books: a long one can look like a card, and the timeline refuses that.
        shown = {name: value for name, value in (facts or {}).items() if not name.endswith("_minor")}
        timeline.add(
            tx, kind, at=self._clock.now(), call_id=attempt.call_id, attempt_id=attempt.id, facts=shown
        )


def _state_facts(kind: Kind, attempt: Attempt) -> dict[str, Any]:
    """The payment's state, in a webhook about a payment. One about a refund has the refund's status alone, so
    that neither is taken for the other.
    """
    if kind in {Kind.REFUND_APPROVED, Kind.REFUND_DECLINED}:
        return {}
    return {"state": public_state(attempt.state), "internal_state": attempt.state}


def _refund_facts(refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": refund.id,
        "refund_minor": refund.amount_minor,
        "refund_status": public_state(refund.state),
    }
