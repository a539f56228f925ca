"""The gateway's webhooks: `POST /gateways/<name>/webhook`, signed by the gateway, and what each one does.

A webhook is stored once. What it says of a payment or a refund is not taken as proof: the gateway is asked,
so the webhook may be late, repeated or out of order. An unknown attempt or an open link is looked up now
instead of later. Disputes and payouts are recorded as the webhook states them, failed payouts too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from gateways.contract import Gateway
from gateways.events import (
    DisputeUpdated,
    ExternalRefundFailed,
    GatewayEvent,
    InvalidWebhookError,
    PaymentUpdated,
    PayoutFailed,
    PayoutSettled,
    RefundedExternally,
    RefundUpdated,
)
from ivr.finance import disputes
from ivr.finance.payouts import Payouts
from ivr.jobs.job_list import LOOK_AT_LINK, RESOLVE_ATTEMPT, RESOLVE_REFUND
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.recheck import RECHECKED
from ivr.payments.attempts.states import Event, Method, State
from ivr.payments.attempts.store import Attempt, NoSuchAttemptError
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.refunds import external_refunds
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.store import NoSuchRefundError, RefundState
from ivr.payments.refunds.transitions import RefundTransitions
from ivr.payments.tables import gateway_event
from ivr.platform.database.engine import insert_of

log = structlog.get_logger()

KEPT_DAYS = 90
"""Gateways repeat a webhook for days; older ones are deleted."""
BODY_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class GatewayEventService:
    """Takes the webhooks of one gateway."""

    engine: sa.Engine
    gateway: str
    transitions: Transitions
    refunds: RefundTransitions
    payouts: Payouts

    def take(self, event: GatewayEvent) -> bool:
        """Stores the event and does what follows from it, in one transaction. False for a repeat."""
        with self.engine.begin() as tx:
            if not self._is_new(tx, event):
                return False
            match event.data:
                case PaymentUpdated() | RefundedExternally():
                    self._payment_moved(tx, event.data)
                case ExternalRefundFailed(charge_reference):
                    self._came_back(tx, charge_reference)
                case RefundUpdated(key):
                    self._refund_moved(tx, key)
                case DisputeUpdated():
                    self._disputed(tx, event.data, event.happened_at)
                case PayoutSettled():
                    self.payouts.keep(tx, event.data)
                case PayoutFailed():
                    self.payouts.fail(tx, event.data)
                case None:
                    pass
            log.info("gateway_notice", gateway=self.gateway, kind=event.kind, event_id=event.event_id)
        return True

    def forget(self, now: datetime) -> int:
        """Deletes events that no gateway repeats any more; returns how many."""
        with self.engine.begin() as tx:
            old = gateway_event.c.at < now - timedelta(days=KEPT_DAYS)
            return tx.execute(sa.delete(gateway_event).where(old)).rowcount

    def _is_new(self, tx: sa.Connection, event: GatewayEvent) -> bool:
        insert = insert_of(tx)
        row = {
            "gateway": self.gateway,
            "event_id": event.event_id,
            "kind": event.kind[:60],
            "at": self.transitions.clock.now(),
        }
        kept = tx.execute(
            insert(gateway_event).values(row).on_conflict_do_nothing().returning(gateway_event.c.event_id)
        )
        return kept.first() is not None

    def _payment_moved(self, tx: sa.Connection, report: PaymentUpdated | RefundedExternally) -> None:
        try:
            attempt = _named(attempt_store.locked(tx, report.key))
        except NoSuchAttemptError:
            log.warning("notice_of_no_payment_of_ours", key=report.key)
            return
        if attempt.gateway != self.gateway:
            log.warning("notice_of_another_gateways_payment", attempt_id=attempt.id)
            return
        if isinstance(report, RefundedExternally):
            external_refunds.note_report(self.transitions, tx, attempt)
        self._ask_about(tx, attempt, taken=isinstance(report, RefundedExternally) or report.taken)

    def _came_back(self, tx: sa.Connection, charge_reference: str) -> None:
        """Ignored if the charge is not ours; other systems may use the same account."""
        attempt_id = disputes.attempt_id_of(tx, self.gateway, charge_reference)
        if attempt_id is not None:
            external_refunds.note_report(self.transitions, tx, _named(attempt_store.locked(tx, attempt_id)))

    def _ask_about(self, tx: sa.Connection, attempt: Attempt, *, taken: bool) -> None:
        """`taken`: whether the webhook says that money was taken; a refund implies it."""
        if attempt.state is State.UNKNOWN:
            self.transitions.schedule(tx, attempt, RESOLVE_ATTEMPT)
        elif attempt.state in {State.LINK_OPEN, State.LINK_CLOSING}:
            self.transitions.schedule(tx, attempt, LOOK_AT_LINK)
        elif attempt.state is State.CLAIMED and attempt.method is Method.LINK and taken:
            self.transitions.move(
                tx, attempt, Event.MARK_UNKNOWN, note="paid before we knew that its link is open"
            )
        elif attempt.state in RECHECKED and taken:
            self.transitions.recheck(tx, attempt)

    def _refund_moved(self, tx: sa.Connection, key: str) -> None:
        try:
            refund = refund_store.locked(tx, key)
        except NoSuchRefundError:
            log.warning("notice_of_no_refund_of_ours", key=key)
            return
        _named(attempt_store.get(tx, refund.attempt_id))
        if refund.state is RefundState.UNKNOWN:
            self.refunds.schedule(tx, refund, RESOLVE_REFUND)
        elif refund.state is not RefundState.ASKED:
            self.refunds.recheck(tx, refund)

    def _disputed(self, tx: sa.Connection, dispute: DisputeUpdated, happened_at: datetime | None) -> None:
        attempt_id = disputes.keep(tx, self.gateway, dispute, self.transitions.clock.now(), happened_at)
        if attempt_id is not None:
            self.transitions.report_dispute(tx, _named(attempt_store.get(tx, attempt_id)), dispute)


def _named(attempt: Attempt) -> Attempt:
    """Adds the attempt's call to the log lines of this webhook."""
    structlog.contextvars.bind_contextvars(call_id=attempt.call_id)
    return attempt


def make_blueprint(gateway: Gateway, service: GatewayEventService) -> Blueprint:
    """The route of this server's gateway; every other name is not found. A body whose signature the adapter
    does not accept gets 400 and changes nothing. Of a body only the event's id and kind are logged and kept.
    """
    routes = Blueprint("gateway", __name__)

    @routes.post("/gateways/<name>/webhook")
    def webhook(name: str) -> Response:
        if name != gateway.name or not gateway.capabilities.webhooks:
            raise NotFound("There is no gateway with this name.")
        request.max_content_length = BODY_BYTES_MAX
        try:
            event = gateway.parse_webhook(dict(request.headers), request.get_data())
        except InvalidWebhookError as fault:
            log.warning("gateway_notice_refused", gateway=name, fault=str(fault))
            raise BadRequest("This is not a valid webhook of the gateway.") from None
        service.take(event)
        return Response(status=204)

    return routes
