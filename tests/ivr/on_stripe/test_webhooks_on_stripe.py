"""What Stripe posts: early, twice, forged, late; refunds, disputes and payouts."""

import pytest

from ivr.payments import history
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from ivr.platform.database.engine import reading
from tests.ivr.on_stripe.conftest import Start
from tests.support import schema
from tests.support.server_checks import CARDS
from tests.support.server_on_stripe import ServerOnStripe
from tests.support.stripe import disputes, payouts, refunds
from tests.support.stripe.line import Harm


def test_the_webhook_comes_before_our_own_answer(on_stripe: ServerOnStripe) -> None:
    heard: list[int] = []

    def tell() -> None:
        for event in list(on_stripe.webhooks.waiting):
            heard.extend(on_stripe.webhooks.deliver(event, on_stripe.post, times=2))

    on_stripe.harm(Harm.TELL_FIRST, "payment_intents.confirm", times=1, act=tell)
    assert "You have paid" in on_stripe.pay(CARDS["visa"])
    assert set(heard) == {204}
    assert len(heard) >= 4
    on_stripe.hear(times=3)


def test_the_webhook_finds_what_our_own_answer_lost(on_stripe: ServerOnStripe) -> None:
    """Found at once, and not by the next look."""
    on_stripe.harm(Harm.DROP_AFTER, "payment_intents.confirm")
    on_stripe.harm(Harm.ERROR_BEFORE, "payment_intents.retrieve", times=24)
    assert "please do not pay again" in on_stripe.pay(CARDS["visa"])
    on_stripe.stripe.line.calm()
    assert on_stripe.payment().state is State.UNKNOWN
    on_stripe.hear("payment_intent.succeeded", times=2)
    assert on_stripe.payment().state is State.APPROVED


def test_a_forged_an_old_and_a_foreign_webhook_change_nothing(on_stripe: ServerOnStripe) -> None:
    on_stripe.pay(CARDS["visa"])
    [event, *_] = on_stripe.webhooks.of("payment_intent.succeeded")
    body, headers = on_stripe.webhooks.signed(event)
    assert on_stripe.post(body.replace(b"4990", b"9990"), headers) == 400
    assert on_stripe.post(body, {**headers, "Stripe-Signature": "t=1,v1=" + "0" * 64}) == 400
    assert on_stripe.post(body, {"Content-Type": "application/json"}) == 400
    assert on_stripe.post(b"{", headers) == 400
    assert on_stripe.webhooks.deliver(event, on_stripe.post, at=1_700_000_000) == [400]
    assert on_stripe.rows(schema.gateway_event) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_signed_body_is_sent_again_for_ever(start_on_stripe: Start, kind: str) -> None:
    """What the books could not hold: to a 5xx, Stripe sends it again for days."""
    on_stripe = start_on_stripe(kind)
    long = "1" * 100
    for nth, (event_type, thing) in enumerate(
        [
            ("payment_intent.succeeded", {"status": "succeeded", "metadata": {"paybycall_key": "a\0b"}}),
            ("refund.updated", {"metadata": {"paybycall_refund": "a\0b"}}),
            ("payout.reconciliation_completed", {"id": "po_1", "amount": 1, "currency": "eur"}),
            (
                "payout.reconciliation_completed",
                {"id": "po_1", "amount": 1, "currency": "eur", "arrival_date": 10**14},
            ),
            (
                "charge.dispute.created",
                {"id": "dp_1", "charge": "ch_1", "amount": 1, "currency": "eurodollar"},
            ),
            ("charge.dispute.created", {"id": "dp_1", "charge": "ch_1", "amount": 10**30, "currency": "eur"}),
            (
                "charge.dispute.created",
                {"id": "dp_1", "charge": f"ch_{long}", "amount": 1, "currency": "eur"},
            ),
        ]
    ):
        event = {"id": f"evt_{nth}", "object": "event", "type": event_type, "data": {"object": thing}}
        body, headers = on_stripe.webhooks.signed(event)
        assert on_stripe.post(body, headers) == 204, event_type
    body, headers = on_stripe.webhooks.signed({**event, "id": f"evt_{long}"})
    assert on_stripe.post(body, headers) == 400
    assert on_stripe.rows(schema.dispute) + on_stripe.rows(schema.payout) == []


def _refund(on_stripe: ServerOnStripe, minor: int | None = None) -> str:
    with on_stripe.server.on.engine.begin() as tx:
        asked = on_stripe.server.on.payments.refunds.ask(
            tx, on_stripe.payment().id, minor, asked_by="finance"
        )
    on_stripe.server.pass_time(1)
    return asked.id


def test_given_back_in_parts_and_then_in_full(on_stripe: ServerOnStripe) -> None:
    on_stripe.pay(CARDS["visa"])
    first, second = _refund(on_stripe, 1000), _refund(on_stripe)
    assert on_stripe.payment().refunded_minor == 4990
    made = on_stripe.stripe.account.of("refund")
    assert sorted(one["amount"] for one in made) == [1000, 3990]
    assert {one["metadata"]["paybycall_refund"] for one in made} == {first, second}
    on_stripe.hear(times=2)


def test_the_answer_to_a_refund_is_lost(on_stripe: ServerOnStripe) -> None:
    on_stripe.pay(CARDS["visa"])
    on_stripe.harm(Harm.DROP_AFTER, "refunds.create")
    _refund(on_stripe, 1000)
    on_stripe.server.pass_time(600)
    assert on_stripe.payment().refunded_minor == 1000
    assert len(on_stripe.stripe.account.of("refund")) == 1


@pytest.mark.parametrize("number", ["4000000000005126", CARDS["visa"]])
def test_a_refund_fails_later(on_stripe: ServerOnStripe, number: str) -> None:
    """Stripe said yes, then the payer's bank sent it back: our books follow, and a person hears of it."""
    on_stripe.server.expected.add("refund_came_back")
    on_stripe.pay(number)
    _refund(on_stripe, 1000)
    [refund] = on_stripe.stripe.account.of("refund")
    assert on_stripe.payment().refunded_minor == 1000
    if number == CARDS["visa"]:
        refunds.conclude(on_stripe.stripe.account, refund["id"], succeeds=False)
    on_stripe.hear(times=2)
    assert refund["status"] == "failed"
    assert on_stripe.payment().refunded_minor == 0
    assert "refund_came_back" in on_stripe.told_operator


def test_a_refund_is_made_in_the_dashboard(on_stripe: ServerOnStripe) -> None:
    """Our books stay, and say so; what was given back by hand is not given back once more."""
    on_stripe.server.expected.add("given_back_elsewhere")
    on_stripe.pay(CARDS["visa"])
    _refund(on_stripe, 1000)
    paid = on_stripe.payment()
    refunds.create(on_stripe.stripe.account, {"payment_intent": paid.gateway_reference, "amount": 2000})
    on_stripe.by_hand_minor = 2000
    on_stripe.hear(times=2)
    refused = _refund(on_stripe)
    with reading(on_stripe.server.on.engine) as tx:
        [told] = history.discrepancies_of(tx, paid.id)
    assert told.note == "20.00 EUR in total was refunded at the gateway, and not by this server"
    shown = on_stripe.payment()
    assert shown.refunded_minor == 1000
    assert {one.id: one.state for one in shown.refunds}[refused] is RefundState.DECLINED
    assert sum(one["amount"] for one in on_stripe.stripe.account.of("refund")) == 3000


def test_a_dispute_is_told_and_lost(on_stripe: ServerOnStripe) -> None:
    on_stripe.server.expected.add("payment_disputed")
    on_stripe.pay(CARDS["visa"])
    paid = on_stripe.payment()
    opened = disputes.open_dispute(on_stripe.stripe.account, paid.gateway_reference)
    on_stripe.hear(times=2)
    [kept] = on_stripe.rows(schema.dispute)
    assert (kept.attempt_id, kept.state, kept.amount_minor) == (paid.id, "open", 4990)
    disputes.close(on_stripe.stripe.account, opened["id"], won=False)
    on_stripe.hear()
    [kept] = on_stripe.rows(schema.dispute)
    assert kept.state == "lost"


def test_a_payout_that_failed_is_told(on_stripe: ServerOnStripe) -> None:
    on_stripe.server.expected.add("payout_failed")
    on_stripe.pay(CARDS["visa"])
    payout = payouts.pay_out(on_stripe.stripe.account)
    on_stripe.hear(times=2)
    payouts.fail(on_stripe.stripe.account, payout["id"])
    on_stripe.hear(times=2)
    on_stripe.server.pass_time(60)
    [kept] = on_stripe.rows(schema.payout)
    assert (kept.reference, kept.failure_code, kept.failed_at is not None) == (
        payout["id"],
        "account_closed",
        True,
    )
    assert "payout_failed" in on_stripe.told_operator


def test_a_payout_is_read_by_our_references(on_stripe: ServerOnStripe) -> None:
    on_stripe.pay(CARDS["visa"])
    _refund(on_stripe, 1000)
    payout = payouts.pay_out(on_stripe.stripe.account, reconciled=False)
    on_stripe.hear()
    assert on_stripe.rows(schema.payout) == []
    payouts.reconcile(on_stripe.stripe.account, payout["id"])
    on_stripe.hear(times=2)
    on_stripe.server.pass_time(60)
    [kept] = on_stripe.rows(schema.payout)
    lines = on_stripe.rows(schema.payout_line)
    paid = on_stripe.payment()
    assert {(one.kind, one.attempt_id, one.charge_reference) for one in lines if one.kind == "charge"} == {
        ("charge", paid.id, paid.gateway_reference)
    }
    assert {one.refund_id for one in lines if one.kind == "refund"} == {paid.refunds[0].id}
    assert sum(one.net_minor for one in lines) == kept.amount_minor == payout["amount"]
