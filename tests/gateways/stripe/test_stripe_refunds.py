"""Refunds in the states that the contract suite does not know, and the list in which they are found."""

import pytest

from gateways.contract import (
    Approved,
    Cancelled,
    ChargeRequest,
    Declined,
    RefundNotFound,
    RefundRequest,
    Unknown,
)
from gateways.declines import Decline
from gateways.stripe import refunds as listing
from tests.support.stripe import refunds
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, prepared, token


def paid(harness: StripeHarness, number: str = "4242424242424242") -> str:
    reference = prepared(harness)
    assert isinstance(
        harness.gateway.charge(ChargeRequest(ORDER, token(harness, number), reference)), Approved
    )
    return reference


def test_a_refund_that_is_on_its_way_is_unknown_until_it_is_there(harness: StripeHarness) -> None:
    harness.account.switches.refunds_pending = True
    refund = RefundRequest("refund_1", paid(harness), 1000, "EUR")

    assert isinstance(harness.gateway.refund(refund), Unknown)
    assert isinstance(harness.gateway.lookup_refund(refund, cancel=True), Unknown)
    refunds.conclude(harness.account, harness.account.of("refund")[0]["id"])
    assert isinstance(harness.gateway.lookup_refund(refund, cancel=True), Approved)


def test_a_refund_that_the_payers_bank_sends_back_is_declined(harness: StripeHarness) -> None:
    refund = RefundRequest("refund_1", paid(harness), 1000, "EUR")
    assert isinstance(harness.gateway.refund(refund), Approved)
    made = harness.account.of("refund")[0]["id"]
    refunds.conclude(harness.account, made, succeeds=False)

    assert harness.gateway.lookup_refund(refund, cancel=True) == Declined(
        Decline.GENERIC, "expired_or_canceled_card", made
    )


def test_a_refund_is_not_there_only_where_the_whole_list_says_so(
    harness: StripeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 2)
    reference = paid(harness)
    for number in range(5):
        assert isinstance(
            harness.gateway.refund(RefundRequest(f"refund_{number}", reference, 10, "EUR")), Approved
        )

    for number in (0, 4):
        found = harness.gateway.lookup_refund(
            RefundRequest(f"refund_{number}", reference, 10, "EUR"), cancel=True
        )
        assert isinstance(found, Approved)
    nobody = RefundRequest("refund_none", reference, 10, "EUR")
    assert isinstance(harness.gateway.lookup_refund(nobody, cancel=False), Unknown)
    assert harness.gateway.lookup_refund(nobody, cancel=True) == RefundNotFound()
    harness.server.harm(Harm.DROP_BEFORE, "refunds.list", times=3)
    assert isinstance(harness.gateway.lookup_refund(nobody, cancel=True), Unknown)


def test_a_refused_refund_that_was_done_before_is_not_declined(harness: StripeHarness) -> None:
    """Stripe forgot the key, and all is given back: the list knows by which refund."""
    refund = RefundRequest("refund_1", paid(harness), ORDER.amount_minor, "EUR")
    first = harness.gateway.refund(refund)
    harness.account.keys.forget_all()

    assert harness.gateway.refund(refund) == first
    other = harness.gateway.refund(RefundRequest("refund_2", refund.gateway_reference, 1, "EUR"))
    assert isinstance(other, Declined)
    assert other.gateway_code == "charge_already_refunded"


def test_the_same_refund_of_another_amount_proves_nothing(harness: StripeHarness) -> None:
    reference = paid(harness)
    harness.gateway.refund(RefundRequest("refund_1", reference, 1000, "EUR"))

    found = harness.gateway.lookup_refund(RefundRequest("refund_1", reference, 2000, "EUR"), cancel=True)
    assert isinstance(found, Unknown)
    assert found != Cancelled()


def _by_hand(harness: StripeHarness, reference: str, amount: int, **more: object) -> str:
    made = refunds.create(harness.account, {"payment_intent": reference, "amount": amount, **more})
    return str(made["id"])


def test_what_others_gave_back_bears_no_key_of_ours(
    harness: StripeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 2)
    reference = paid(harness)
    assert harness.gateway.refunded_externally(reference) == 0
    for number in range(3):
        assert isinstance(
            harness.gateway.refund(RefundRequest(f"refund_{number}", reference, 10, "EUR")), Approved
        )
    assert harness.gateway.refunded_externally(reference) == 0
    harness.account.switches.refunds_pending = True
    _by_hand(harness, reference, 200)
    back = _by_hand(harness, reference, 1000, metadata={"why": "a wrong meter"})
    assert harness.gateway.refunded_externally(reference) == 1200, "one that is on its way as well"
    refunds.conclude(harness.account, back, succeeds=False)
    assert harness.gateway.refunded_externally(reference) == 200


def test_external_refunds_are_unknown_without_the_whole_list(
    harness: StripeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 1)
    reference = paid(harness)
    for _ in range(2):
        _by_hand(harness, reference, 10)
    harness.server.harm(Harm.DROP_BEFORE, "refunds.list", times=3)
    assert isinstance(harness.gateway.refunded_externally(reference), Unknown)
    monkeypatch.setattr(listing, "_PAGES_MAX", 1)
    assert isinstance(harness.gateway.refunded_externally(reference), Unknown)
    monkeypatch.undo()
    harness.account.of("refund")[0]["amount"] = "much"
    assert isinstance(harness.gateway.refunded_externally(reference), Unknown)


@pytest.mark.parametrize("reference", ["", "pi_none", "../../v1/customers"])
def test_a_refund_of_nothing_moves_nothing(harness: StripeHarness, reference: str) -> None:
    answer = harness.gateway.refund(RefundRequest("refund_1", reference, 1000, "EUR"))
    assert isinstance(answer, Declined | Unknown)
    assert harness.account.of("refund") == []
