"""What Stripe posts: early, twice, forged, late; refunds, disputes and payouts."""

import pytest

from ivr.payments import history as differences
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from ivr.platform.database.engine import reading
from tests.ivr.on_stripe.conftest import Start
from tests.support import schema
from tests.support.server_checks import CARDS
from tests.support.server_on_stripe import StripeHouse
from tests.support.stripe import disputes, payouts, refunds
from tests.support.stripe.line import Harm


def test_the_webhook_comes_before_our_own_answer(house: StripeHouse) -> None:
    heard: list[int] = []

    def tell() -> None:
        for event in list(house.webhooks.waiting):
            heard.extend(house.webhooks.deliver(event, house.post, times=2))

    house.harm(Harm.TELL_FIRST, "payment_intents.confirm", times=1, act=tell)
    assert "You have paid" in house.pay(CARDS["visa"])
    assert set(heard) == {204}
    assert len(heard) >= 4
    house.hear(times=3)


def test_the_webhook_finds_what_our_own_answer_lost(house: StripeHouse) -> None:
    """Found at once, and not by the next look."""
    house.harm(Harm.DROP_AFTER, "payment_intents.confirm")
    house.harm(Harm.ERROR_BEFORE, "payment_intents.retrieve", times=24)
    assert "please do not pay again" in house.pay(CARDS["visa"])
    house.stripe.line.calm()
    assert house.payment().state is State.UNKNOWN
    house.hear("payment_intent.succeeded", times=2)
    assert house.payment().state is State.APPROVED


def test_a_forged_an_old_and_a_foreign_webhook_change_nothing(house: StripeHouse) -> None:
    house.pay(CARDS["visa"])
    [event, *_] = house.webhooks.of("payment_intent.succeeded")
    body, headers = house.webhooks.signed(event)
    assert house.post(body.replace(b"4990", b"9990"), headers) == 400
    assert house.post(body, {**headers, "Stripe-Signature": "t=1,v1=" + "0" * 64}) == 400
    assert house.post(body, {"Content-Type": "application/json"}) == 400
    assert house.post(b"{", headers) == 400
    assert house.webhooks.deliver(event, house.post, at=1_700_000_000) == [400]
    assert house.rows(schema.gateway_event) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_signed_body_is_sent_again_for_ever(start_house: Start, kind: str) -> None:
    """What the books could not hold: to a 5xx, Stripe sends it again for days."""
    house = start_house(kind)
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
        body, headers = house.webhooks.signed(event)
        assert house.post(body, headers) == 204, event_type
    body, headers = house.webhooks.signed({**event, "id": f"evt_{long}"})
    assert house.post(body, headers) == 400
    assert house.rows(schema.dispute) + house.rows(schema.payout) == []


def _refund(house: StripeHouse, minor: int | None = None) -> str:
    with house.server.on.engine.begin() as tx:
        asked = house.server.on.payments.refunds.ask(tx, house.payment().id, minor, asked_by="finance")
    house.server.pass_time(1)
    return asked.id


def test_given_back_in_parts_and_then_in_full(house: StripeHouse) -> None:
    house.pay(CARDS["visa"])
    first, second = _refund(house, 1000), _refund(house)
    assert house.payment().refunded_minor == 4990
    made = house.stripe.account.of("refund")
    assert sorted(one["amount"] for one in made) == [1000, 3990]
    assert {one["metadata"]["paybycall_refund"] for one in made} == {first, second}
    house.hear(times=2)


def test_the_answer_to_a_refund_is_lost(house: StripeHouse) -> None:
    house.pay(CARDS["visa"])
    house.harm(Harm.DROP_AFTER, "refunds.create")
    _refund(house, 1000)
    house.server.pass_time(600)
    assert house.payment().refunded_minor == 1000
    assert len(house.stripe.account.of("refund")) == 1


@pytest.mark.parametrize("number", ["4000000000005126", CARDS["visa"]])
def test_a_refund_fails_later(house: StripeHouse, number: str) -> None:
    """Stripe said yes, then the payer's bank sent it back: our books follow, and a person hears of it."""
    house.server.expected.add("refund_came_back")
    house.pay(number)
    _refund(house, 1000)
    [refund] = house.stripe.account.of("refund")
    assert house.payment().refunded_minor == 1000
    if number == CARDS["visa"]:
        refunds.conclude(house.stripe.account, refund["id"], succeeds=False)
    house.hear(times=2)
    assert refund["status"] == "failed"
    assert house.payment().refunded_minor == 0
    assert "refund_came_back" in house.told_operator


def test_a_refund_is_made_in_the_dashboard(house: StripeHouse) -> None:
    """Our books stay, and say so; what was given back by hand is not given back once more."""
    house.server.expected.add("given_back_elsewhere")
    house.pay(CARDS["visa"])
    _refund(house, 1000)
    paid = house.payment()
    refunds.create(house.stripe.account, {"payment_intent": paid.gateway_reference, "amount": 2000})
    house.by_hand_minor = 2000
    house.hear(times=2)
    refused = _refund(house)
    with reading(house.server.on.engine) as tx:
        [told] = differences.of_payment(tx, paid.id)
    assert told.note == "20.00 EUR in total was refunded at the gateway, and not by this server"
    shown = house.payment()
    assert shown.refunded_minor == 1000
    assert {one.id: one.state for one in shown.refunds}[refused] is RefundState.DECLINED
    assert sum(one["amount"] for one in house.stripe.account.of("refund")) == 3000


def test_a_dispute_is_told_and_lost(house: StripeHouse) -> None:
    house.server.expected.add("payment_disputed")
    house.pay(CARDS["visa"])
    paid = house.payment()
    opened = disputes.open_dispute(house.stripe.account, paid.gateway_reference)
    house.hear(times=2)
    [kept] = house.rows(schema.dispute)
    assert (kept.attempt_id, kept.state, kept.amount_minor) == (paid.id, "open", 4990)
    disputes.close(house.stripe.account, opened["id"], won=False)
    house.hear()
    [kept] = house.rows(schema.dispute)
    assert kept.state == "lost"


def test_a_payout_that_failed_is_told(house: StripeHouse) -> None:
    house.server.expected.add("payout_failed")
    house.pay(CARDS["visa"])
    payout = payouts.pay_out(house.stripe.account)
    house.hear(times=2)
    payouts.fail(house.stripe.account, payout["id"])
    house.hear(times=2)
    house.server.pass_time(60)
    [kept] = house.rows(schema.payout)
    assert (kept.reference, kept.failure_code, kept.failed_at is not None) == (
        payout["id"],
        "account_closed",
        True,
    )
    assert "payout_failed" in house.told_operator


def test_a_payout_is_read_by_our_references(house: StripeHouse) -> None:
    house.pay(CARDS["visa"])
    _refund(house, 1000)
    payout = payouts.pay_out(house.stripe.account, reconciled=False)
    house.hear()
    assert house.rows(schema.payout) == []
    payouts.reconcile(house.stripe.account, payout["id"])
    house.hear(times=2)
    house.server.pass_time(60)
    [kept] = house.rows(schema.payout)
    lines = house.rows(schema.payout_line)
    paid = house.payment()
    assert {(one.kind, one.attempt_id, one.charge_reference) for one in lines if one.kind == "charge"} == {
        ("charge", paid.id, paid.gateway_reference)
    }
    assert {one.refund_id for one in lines if one.kind == "refund"} == {paid.refunds[0].id}
    assert sum(one.net_minor for one in lines) == kept.amount_minor == payout["amount"]
