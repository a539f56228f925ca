"""Webhooks as Stripe signs them, and what each tells."""

import json
import time
from typing import Any

import pytest
import stripe

from gateways.capability import CardEntry, UnsupportedError
from gateways.contract import ChargeRequest, RefundRequest
from gateways.events import (
    DisputeState,
    DisputeUpdated,
    ExternalRefundFailed,
    InvalidWebhookError,
    PaymentUpdated,
    PayoutFailed,
    PayoutSettled,
    RefundedExternally,
    RefundUpdated,
)
from gateways.secret import Secret
from gateways.stripe.adapter import StripeGateway
from gateways.stripe.client import Stripe
from tests.support.stripe import disputes, payouts
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.orders import ORDER, prepared, token
from tests.support.stripe.webhooks import Webhooks

SECRET = "whsec_new"
EVENT = {"id": "evt_1", "object": "event", "type": "account.updated", "data": {"object": {"id": "acct_1"}}}


def listening(*secrets: str, key: str = "sk_test_1") -> StripeGateway:
    line = Stripe(Secret(key), "https://api.stripe.example")
    return StripeGateway(
        line, CardEntry.TOKENIZE, webhook_secrets=tuple(Secret(one) for one in secrets or (SECRET,))
    )


def signed(event: Any, secret: str = SECRET, at: int | None = None) -> tuple[dict[str, str], bytes]:
    body = json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, at or int(time.time()))
    return {"Stripe-Signature": header}, body.encode()


def about(kind: str, **thing: Any) -> dict[str, Any]:
    return {**EVENT, "type": kind, "data": {"object": thing}}


OURS = {"metadata": {"paybycall_key": "attempt_1"}}


@pytest.mark.parametrize(
    ("event", "notice"),
    [
        (about("payment_intent.succeeded", status="succeeded", **OURS), PaymentUpdated("attempt_1")),
        (
            about("payment_intent.amount_capturable_updated", status="requires_capture", **OURS),
            PaymentUpdated("attempt_1"),
        ),
        (
            about("payment_intent.payment_failed", status="requires_payment_method", **OURS),
            PaymentUpdated("attempt_1", taken=False),
        ),
        (
            about("payment_intent.canceled", status="canceled", **OURS),
            PaymentUpdated("attempt_1", taken=False),
        ),
        (about("checkout.session.completed", payment_status="paid", **OURS), PaymentUpdated("attempt_1")),
        (
            about("checkout.session.expired", payment_status="unpaid", **OURS),
            PaymentUpdated("attempt_1", taken=False),
        ),
        (
            about("charge.refunded", captured=True, amount_refunded=1000, **OURS),
            RefundedExternally("attempt_1"),
        ),
        (about("charge.refunded", captured=False, amount_refunded=1000, **OURS), PaymentUpdated("attempt_1")),
        (about("charge.refunded", captured=True, metadata={}), None),
        (about("charge.refunded", **OURS), PaymentUpdated("attempt_1")),
        (about("refund.created", metadata={"paybycall_refund": "refund_1"}), RefundUpdated("refund_1")),
        (about("refund.failed", metadata={"paybycall_refund": "refund_1"}), RefundUpdated("refund_1")),
        (
            about("charge.refund.updated", metadata={"paybycall_refund": "refund_1"}),
            RefundUpdated("refund_1"),
        ),
        (about("payment_intent.succeeded", status="succeeded", metadata={}), None),
        (about("refund.created", metadata=None), None),
        (
            about("refund.failed", payment_intent="pi_1", status="failed", metadata={}),
            ExternalRefundFailed("pi_1"),
        ),
        (
            about("refund.updated", payment_intent="pi_1", status="canceled", metadata={}),
            ExternalRefundFailed("pi_1"),
        ),
        (about("refund.updated", payment_intent="pi_1", status="succeeded", metadata={}), None),
        (about("refund.failed", charge="ch_1", status="failed", metadata={}), None),
        (about("charge.dispute.created", id="dp_1"), None),
        (about("charge.succeeded", **OURS), None),
        (about("brand.new", **OURS), None),
        (EVENT, None),
    ],
)
def test_an_event_tells(event: dict[str, Any], notice: object) -> None:
    heard = listening().parse_webhook(*signed(event))
    assert (heard.event_id, heard.kind, heard.data) == ("evt_1", event["type"], notice)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("needs_response", DisputeState.OPEN),
        ("warning_under_review", DisputeState.OPEN),
        ("brand_new", DisputeState.OPEN),
        ("won", DisputeState.WON),
        ("warning_closed", DisputeState.WON),
        ("lost", DisputeState.LOST),
    ],
)
def test_a_dispute_stands(status: str, state: DisputeState) -> None:
    event = about(
        "charge.dispute.updated",
        id="dp_1",
        payment_intent="pi_1",
        charge="ch_1",
        amount=4990,
        currency="eur",
        reason="fraudulent",
        status=status,
    )
    notice = listening().parse_webhook(*signed(event)).data
    assert notice == DisputeUpdated("dp_1", "pi_1", 4990, "EUR", "fraudulent", state)


DISPUTE: dict[str, Any] = {
    "id": "dp_1", "payment_intent": "pi_1", "amount": 4990, "currency": "eur", "reason": "fraudulent",
}  # fmt: skip
PAYOUT: dict[str, Any] = {"id": "po_1", "amount": 4990, "currency": "eur", "arrival_date": 1_800_000_000}


def disputed(**more: Any) -> dict[str, Any]:
    return about("charge.dispute.created", **{**DISPUTE, **more})


def paid_out(**more: Any) -> dict[str, Any]:
    return about("payout.reconciliation_completed", **{**PAYOUT, **more})


@pytest.mark.parametrize(
    "event",
    [
        about("payment_intent.succeeded", status="succeeded", metadata={"paybycall_key": "a\0b"}),
        about("charge.refunded", metadata={"paybycall_key": "a" * 41}),
        about("checkout.session.completed", metadata={"paybycall_key": "año"}),
        about("refund.created", metadata={"paybycall_refund": "\0"}),
        disputed(currency="eurodollar"),
        disputed(amount=10**30),
        disputed(id="dp_" + "1" * 78),
        disputed(payment_intent="pi_" + "1" * 78),
        paid_out(arrival_date=99_999_999_999_999),
        paid_out(arrival_date=-1),
        paid_out(currency="eurodollar"),
        paid_out(id="po_" + "1" * 78),
    ],
)
def test_what_the_books_could_not_hold_means_nothing_and_is_told(
    event: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert listening().parse_webhook(*signed(event)).data is None
    [record] = caplog.records
    assert "\0" not in record.getMessage()
    whole = [disputed(), paid_out(), about("refund.created", metadata={"paybycall_refund": "refund_1"})]
    assert all(listening().parse_webhook(*signed(one)).data for one in whole)


def test_a_dispute_whose_end_is_no_moment_is_kept_without_it() -> None:
    for due_by, known in ((1_800_000_000, True), (10**18, False)):
        notice = listening().parse_webhook(*signed(disputed(evidence_details={"due_by": due_by}))).data
        assert isinstance(notice, DisputeUpdated)
        assert (notice.answer_by is not None) is known


@pytest.mark.parametrize("key", ["sk_test_1", "sk_live_1", "rk_live_1", "rk_test_1"])
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("account", [None, "acct_1"])
def test_events_of_another_mode_or_account_are_ignored(
    key: str, live: bool, account: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    event = {**paid_out(), "livemode": live} | ({"account": account} if account else {})
    heard = listening(key=key).parse_webhook(*signed(event))
    is_ours = live == ("live" in key) and account is None
    assert (heard.event_id, heard.data is not None) == ("evt_1", is_ours)
    assert len(caplog.records) == (0 if is_ours else 1)


def test_what_the_stand_in_posts_is_understood(harness: StripeHarness) -> None:
    hooks = Webhooks(harness.account, SECRET)
    reference = prepared(harness)
    harness.gateway.charge(ChargeRequest(ORDER, token(harness), reference))
    harness.gateway.refund(RefundRequest("refund_1", reference, 1000, "EUR"))
    dispute = disputes.open_dispute(harness.account, reference)
    payout = payouts.pay_out(harness.account)
    gateway, now = listening(), int(time.time())

    heard = []
    for event in hooks.waiting:
        body, headers = hooks.signed(event, at=now)
        heard.append(gateway.parse_webhook(headers, body))
    notices = [one.data for one in heard]
    assert PaymentUpdated(ORDER.key) in notices
    assert RefundUpdated("refund_1") in notices
    assert RefundedExternally(ORDER.key) in notices
    [disputed] = {
        one for one in notices if isinstance(one, DisputeUpdated) and one.state is DisputeState.OPEN
    }
    assert (disputed.reference, disputed.charge_reference) == (dispute["id"], reference)
    assert disputed.answer_by is not None
    [settled] = [one for one in notices if isinstance(one, PayoutSettled)]
    assert (settled.reference, settled.amount_minor) == (payout["id"], payout["amount"])
    assert len({one.event_id for one in heard}) == len(heard)


@pytest.mark.parametrize(("code", "told"), [("account_closed", "account_closed"), (None, "unknown")])
def test_a_payout_that_failed_is_told_with_its_cause(
    harness: StripeHarness, code: str | None, told: str
) -> None:
    hooks = Webhooks(harness.account, SECRET)
    harness.gateway.charge(ChargeRequest(ORDER, token(harness), prepared(harness)))
    payout = payouts.pay_out(harness.account)
    payouts.fail(harness.account, payout["id"], code)
    body, headers = hooks.signed(hooks.waiting[-1], at=int(time.time()))
    notice = listening().parse_webhook(headers, body).data
    assert isinstance(notice, PayoutFailed)
    assert (notice.reference, notice.amount_minor, notice.currency) == (payout["id"], payout["amount"], "EUR")
    assert (notice.arrives.timestamp(), notice.gateway_code) == (payout["arrival_date"], told)


def test_either_secret_is_good_while_one_is_rotated() -> None:
    for secret in ("whsec_old", SECRET):
        assert listening(SECRET, "whsec_old").parse_webhook(*signed(EVENT, secret)).event_id == "evt_1"


def test_the_name_of_the_header_may_be_written_any_way() -> None:
    headers, body = signed(EVENT)
    assert (
        listening().parse_webhook({"stripe-signature": headers["Stripe-Signature"]}, body).event_id == "evt_1"
    )


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        signed(EVENT, "whsec_other"),
        signed(EVENT, at=int(time.time()) - 301),
        ({}, b"{}"),
        ({"Stripe-Signature": "t=1,v1=00"}, b"{}"),
        ({"Stripe-Signature": "nonsense"}, b"{}"),
        (signed(EVENT)[0], signed({**EVENT, "id": "evt_2"})[1]),
        signed([]),
        signed("hush"),
        signed({**EVENT, "data": None}),
        signed({**EVENT, "type": "<b>"}),
        signed({**EVENT, "id": 7}),
        signed({**EVENT, "id": "evt_" + "1" * 77}),
        (signed(EVENT)[0], b"\xff\xfe"),
    ],
)
def test_what_stripe_did_not_sign_or_nobody_can_read_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(InvalidWebhookError) as refused:
        listening().parse_webhook(headers, body)
    assert "evt_" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_thin_event_is_refused_by_a_sentence() -> None:
    thin = {"id": "evt_1", "object": "v2.core.event", "type": "v1.payment_intent.succeeded"}
    with pytest.raises(InvalidWebhookError, match="thin events are not supported"):
        listening().parse_webhook(*signed(thin))


def test_without_a_secret_nobody_is_heard(harness: StripeHarness) -> None:
    assert not harness.gateway.capabilities.webhooks
    with pytest.raises(UnsupportedError):
        harness.gateway.parse_webhook(*signed(EVENT))
