"""`/api/v1/payments` and `/api/v1/refunds`: payments in the order of their last change, one payment, and
refunds.

A refund needs an `Idempotency-Key`: the same key for the same payment is the same refund, however often it is
sent; the row that says so is written with the refund.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import flask
import sqlalchemy as sa
import structlog

from gateways.capability import UnsupportedError
from ivr.bills.bill import BillError
from ivr.bills.fields import read_amount
from ivr.payments.attempts import store as records
from ivr.payments.attempts.states import states_of
from ivr.payments.attempts.store import Attempt
from ivr.payments.queries import feed as payments
from ivr.payments.queries import search as finding
from ivr.payments.queries.feed import Payment, PaymentFilter
from ivr.payments.refunds.service import KEY, KeyReusedError, RefundRefusedError, asked_under
from ivr.payments.service import PaymentService
from ivr.platform.clock import Clock
from ivr.platform.database.change_feed import OVERLAP_S
from ivr.platform.database.engine import reading
from ivr.web.api.documents.payments import (
    PaymentDocument,
    PaymentsDocument,
    RefundDocument,
    payment_document,
    refund_document,
)
from ivr.web.api.documents.requests import NewRefundDocument
from ivr.web.api.keys import ApiKey
from ivr.web.api.problem import Problem, missing
from ivr.web.api.request import json_object, list_query, refusing_bad_cursors

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PaymentRoutes:
    """What a program may do with payments."""

    engine: sa.Engine
    payments: PaymentService
    clock: Clock

    def feed(self) -> tuple[PaymentsDocument, int]:
        """What changed, the earliest change first. `cursor` of one answer is asked for in the next. `from`
        and `until` are about the moment when the payment was made.
        """
        asked = list_query(states_of)
        wanted = PaymentFilter(asked.bill, asked.state, asked.starts, asked.ends)
        now = self.clock.now()
        with refusing_bad_cursors(), reading(self.engine) as tx:
            cursor = asked.cursor
            if asked.since is not None:  # a moment just past may still be missing what is being committed
                settled_by = now - timedelta(seconds=OVERLAP_S)
                cursor = payments.cursor_at(tx, min(asked.since, settled_by))
            found = payments.payments_since(tx, cursor, asked.limit, now=now, wanted=wanted)
        shown = [self._document(one) for one in found.records]
        return {"payments": shown, "cursor": found.cursor, "has_more": found.has_more}, 200

    def show(self, payment_id: str) -> tuple[PaymentDocument, int]:
        """One payment, by its id, the eight digits that the caller was told, a refund's id, or the gateway's
        reference of the charge or a refund; none where several fit.
        """
        with reading(self.engine) as tx:
            found = finding.one(tx, payment_id)
        if found is None:
            raise missing("payment with this id")
        return self._document(found), 200

    def shown_refund(self, refund_id: str) -> tuple[RefundDocument, int]:
        """One refund by its id."""
        with reading(self.engine) as tx:
            paid = finding.one(tx, refund_id)
        refunds = {} if paid is None else {one.id: one for one in paid.refunds}
        if paid is None or refund_id not in refunds:
            raise missing("refund with this id")
        return refund_document(refunds[refund_id], paid.currency), 200

    def refund(self, payment_id: str) -> tuple[RefundDocument, int]:
        """202 where the refund is requested now, 200 where it was under this key; the worker sends it. The
        payment is named by its id, or by the eight digits that the caller heard.
        """
        key = flask.request.headers.get("Idempotency-Key", "")
        if not KEY.fullmatch(key):
            raise Problem(
                400,
                "no_idempotency_key",
                "Send a header Idempotency-Key of 1 to 80 visible ASCII characters; a repeat refunds once.",
                field="Idempotency-Key",
            )
        body = json_object(NewRefundDocument)
        asker: ApiKey = flask.g.api_key
        with self.engine.begin() as tx:
            found = finding.own(tx, payment_id)
            if found is None:
                raise missing("payment with this id")
            attempt = records.locked(tx, found.payments[0].id)
            amount_minor = _amount(body, attempt)
            with _refusing_refunds():
                if found.also_a_bill and asked_under(tx, attempt.id, key, amount_minor) is None:
                    raise _ambiguous()
                refund, is_new = self.payments.refunds.ask_once(
                    tx, attempt.id, amount_minor, key=key, asked_by=f"api: {asker.name}"
                )
            [paid] = payments.of_ids(tx, [attempt.id])
        if is_new:
            log.info("refund_asked", attempt_id=attempt.id, refund_id=refund.id, api_key_id=asker.id)
        [shown] = (one for one in paid.refunds if one.id == refund.id)
        return refund_document(shown, paid.currency), 202 if is_new else 200

    def _document(self, shown: Payment) -> PaymentDocument:
        return payment_document(shown, self.payments.dashboard_url(shown.gateway, shown.gateway_reference))


@contextmanager
def _refusing_refunds() -> Iterator[None]:
    """Turns what the service refuses into a problem document."""
    try:
        yield
    except KeyReusedError as fault:
        raise Problem(422, "idempotency_key_reused", str(fault), field="Idempotency-Key") from None
    except (RefundRefusedError, UnsupportedError) as fault:
        raise Problem(409, "refund_refused", str(fault)) from None


def _ambiguous() -> Problem:
    """Bills have references of eight digits too: where both a payment and a bill have these, nobody can say
    which was meant. A refund that was requested before a bill got these digits can still be sent again.
    """
    return Problem(
        409,
        "ambiguous",
        "A payment and a bill have these eight digits. Nothing was refunded: send the payment's id.",
    )


def _amount(body: dict[str, Any], attempt: Attempt) -> int | None:
    """Minor units in the payment's currency; None: all that is left. Empty text and null are neither: a
    program may have lost the amount.
    """
    is_given = any(value is not None for value in body.values())
    for name, value in body.items():
        if (isinstance(value, str) and not value.strip()) or not is_given:
            raise Problem(422, "invalid", f"{name} is empty: leave it out, or give an amount.", field=name)
    try:
        amount_minor = read_amount(body, "amount", attempt.currency)
    except BillError as fault:
        raise Problem(422, "invalid", f"{fault}.", field=fault.field) from None
    if amount_minor is not None and not 0 < amount_minor <= attempt.amount_minor:
        raise Problem(
            422, "invalid", "amount must be above zero and within what was charged.", field="amount"
        )
    return amount_minor
