"""`/api/v1/payments`: every payment in the order of its last change, one payment, and a refund asked for.

A refund needs an `Idempotency-Key`: the same key for the same payment is the same refund, however often it is
sent; the row that says so is written with the refund.
"""

import re
from datetime import timedelta
from typing import Any, Protocol

import flask
import sqlalchemy as sa
import structlog

from gateways.contract import Capabilities, UnsupportedError
from ivr.api import documents
from ivr.api.keys import ApiKey
from ivr.api.problem import Problem
from ivr.api.request import json_object, moment, query, whole_number
from ivr.bills.bill import BillError
from ivr.bills.fields import read_amount
from ivr.clock import Clock
from ivr.payments import finding, records
from ivr.payments import reading as payments
from ivr.payments.records import Attempt, Refund
from ivr.payments.refund import KEY, KeyReusedError, RefundRefusedError
from ivr.payments.saved_cards import SavedCards
from ivr.storage.engine import reading

log = structlog.get_logger()

LIMIT_DEFAULT = 100
_ID = re.compile(r"[a-z]{1,10}_[0-9a-z]{1,30}|[0-9]{8}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""Ours or a gateway's."""
Answer = tuple[dict[str, Any], int]


class Till(Protocol):
    """Where a refund is asked for; `ivr.payments.cashier.Cashier` is one."""

    def ask_refund_once(
        self, tx: sa.Connection, attempt_id: str, amount_minor: int | None = None, *, key: str, asked_by: str
    ) -> tuple[Refund, bool]:
        """Raises RefundRefusedError, UnsupportedError or KeyReusedError, each with a sentence."""
        ...

    @property
    def gateway_limits(self) -> Capabilities:
        """What the gateway can charge, and what not."""
        ...

    def dashboard_url(self, gateway: str, reference: str | None) -> str | None:
        """A charge's page in the gateway's dashboard."""
        ...

    @property
    def saved_cards(self) -> SavedCards:
        """The cards that customers agreed to have kept."""
        ...


class PaymentRoutes:
    """What a program may do with payments."""

    def __init__(self, engine: sa.Engine, *, till: Till, clock: Clock) -> None:
        self._engine = engine
        self._till = till
        self._clock = clock

    def feed(self) -> Answer:
        """What changed, the earliest change first. `cursor` of one answer is asked for in the next."""
        given = query("since", "cursor", "limit")
        limit = whole_number(given, "limit", LIMIT_DEFAULT, most=payments.LIMIT_MAX)
        since = moment(given, "since")
        if since is not None and "cursor" in given:
            raise Problem(400, "bad_query", "Give since or cursor: a cursor says by itself where to go on.")
        now = self._clock.now()
        with reading(self._engine) as tx:
            cursor = given.get("cursor", "")
            if since is not None:  # a moment just past may still be missing what is being committed
                cursor = payments.cursor_at(tx, min(since, now - timedelta(seconds=payments.OVERLAP_S)))
            try:
                page = payments.payments_since(tx, cursor, limit, now=now)
            except payments.BadCursorError as fault:
                raise Problem(400, "bad_query", f"cursor: {fault}.", field="cursor") from None
        return {
            "payments": [self._document(one) for one in page.payments],
            "cursor": page.cursor,
            "has_more": len(page.payments) == limit and page.cursor != (cursor or "0"),
        }, 200

    def show(self, payment_id: str) -> Answer:
        """One payment, by its id, the eight digits that the caller was told, a refund's id, or the gateway's
        reference of the charge or a refund; none where several fit.
        """
        found = None
        if _NAME.fullmatch(payment_id):
            with reading(self._engine) as tx:
                found = finding.one(tx, payment_id)
        if found is None:
            raise _no_such_payment()
        return self._document(found), 200

    def refund(self, payment_id: str) -> Answer:
        """202 where the refund is asked for now, 200 where it was under this key; the worker sends it."""
        key = flask.request.headers.get("Idempotency-Key", "")
        if not KEY.fullmatch(key):
            raise Problem(
                400,
                "no_idempotency_key",
                "Send a header Idempotency-Key of 1 to 80 visible ASCII characters; a repeat refunds once.",
                field="Idempotency-Key",
            )
        body = json_object(("amount", "amount_minor"))
        asker: ApiKey = flask.g.api_key
        if not _ID.fullmatch(payment_id):
            raise _no_such_payment()
        with self._engine.begin() as tx:
            attempt = _locked(tx, payment_id)
            amount_minor = _amount(body, attempt)
            refund, is_new = self._ask(tx, attempt, amount_minor, key, asker)
        if is_new:
            log.info("refund_asked", attempt_id=attempt.id, refund_id=refund.id, api_key_id=asker.id)
        return documents.refund(refund, attempt.currency), 202 if is_new else 200

    def _document(self, shown: payments.Payment) -> dict[str, Any]:
        return documents.payment(shown, self._till.dashboard_url(shown.gateway, shown.gateway_reference))

    def _ask(
        self, tx: sa.Connection, attempt: Attempt, amount_minor: int | None, key: str, asker: ApiKey
    ) -> tuple[Refund, bool]:
        asked_by = f"api: {asker.name}"
        try:
            return self._till.ask_refund_once(tx, attempt.id, amount_minor, key=key, asked_by=asked_by)
        except KeyReusedError as fault:
            raise Problem(422, "idempotency_key_reused", str(fault), field="Idempotency-Key") from None
        except (RefundRefusedError, UnsupportedError) as fault:
            raise Problem(409, "refund_refused", str(fault)) from None


def _locked(tx: sa.Connection, payment_id: str) -> Attempt:
    """The payment, held until the refund is asked for."""
    try:
        return records.locked(tx, payment_id)
    except records.NoSuchAttemptError:
        raise _no_such_payment() from None


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


def _no_such_payment() -> Problem:
    return Problem(404, "not_found", "There is no payment of this id.")
