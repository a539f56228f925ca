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
from tests.support.stripe.harness import StripeBench
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, prepared, token


def paid(bench: StripeBench, number: str = "4242424242424242") -> str:
    reference = prepared(bench)
    assert isinstance(bench.gateway.charge(ChargeRequest(ORDER, token(bench, number), reference)), Approved)
    return reference


def test_a_refund_that_is_on_its_way_is_unknown_until_it_is_there(bench: StripeBench) -> None:
    bench.account.switches.refunds_pending = True
    refund = RefundRequest("refund_1", paid(bench), 1000, "EUR")

    assert isinstance(bench.gateway.refund(refund), Unknown)
    assert isinstance(bench.gateway.lookup_refund(refund, cancel=True), Unknown)
    refunds.conclude(bench.account, bench.account.of("refund")[0]["id"])
    assert isinstance(bench.gateway.lookup_refund(refund, cancel=True), Approved)


def test_a_refund_that_the_payers_bank_sends_back_is_declined(bench: StripeBench) -> None:
    refund = RefundRequest("refund_1", paid(bench), 1000, "EUR")
    assert isinstance(bench.gateway.refund(refund), Approved)
    made = bench.account.of("refund")[0]["id"]
    refunds.conclude(bench.account, made, succeeds=False)

    assert bench.gateway.lookup_refund(refund, cancel=True) == Declined(
        Decline.GENERIC, "expired_or_canceled_card", made
    )


def test_a_refund_is_not_there_only_where_the_whole_list_says_so(
    bench: StripeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 2)
    reference = paid(bench)
    for number in range(5):
        assert isinstance(
            bench.gateway.refund(RefundRequest(f"refund_{number}", reference, 10, "EUR")), Approved
        )

    for number in (0, 4):
        found = bench.gateway.lookup_refund(
            RefundRequest(f"refund_{number}", reference, 10, "EUR"), cancel=True
        )
        assert isinstance(found, Approved)
    nobody = RefundRequest("refund_none", reference, 10, "EUR")
    assert isinstance(bench.gateway.lookup_refund(nobody, cancel=False), Unknown)
    assert bench.gateway.lookup_refund(nobody, cancel=True) == RefundNotFound()
    bench.server.harm(Harm.DROP_BEFORE, "refunds.list", times=3)
    assert isinstance(bench.gateway.lookup_refund(nobody, cancel=True), Unknown)


def test_a_refused_refund_that_was_done_before_is_not_declined(bench: StripeBench) -> None:
    """Stripe forgot the key, and all is given back: the list knows by which refund."""
    refund = RefundRequest("refund_1", paid(bench), ORDER.amount_minor, "EUR")
    first = bench.gateway.refund(refund)
    bench.account.keys.forget_all()

    assert bench.gateway.refund(refund) == first
    other = bench.gateway.refund(RefundRequest("refund_2", refund.gateway_reference, 1, "EUR"))
    assert isinstance(other, Declined)
    assert other.gateway_code == "charge_already_refunded"


def test_the_same_refund_of_another_amount_proves_nothing(bench: StripeBench) -> None:
    reference = paid(bench)
    bench.gateway.refund(RefundRequest("refund_1", reference, 1000, "EUR"))

    found = bench.gateway.lookup_refund(RefundRequest("refund_1", reference, 2000, "EUR"), cancel=True)
    assert isinstance(found, Unknown)
    assert found != Cancelled()


def _by_hand(bench: StripeBench, reference: str, amount: int, **more: object) -> str:
    made = refunds.create(bench.account, {"payment_intent": reference, "amount": amount, **more})
    return str(made["id"])


def test_what_others_gave_back_bears_no_key_of_ours(
    bench: StripeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 2)
    reference = paid(bench)
    assert bench.gateway.refunded_externally(reference) == 0
    for number in range(3):
        assert isinstance(
            bench.gateway.refund(RefundRequest(f"refund_{number}", reference, 10, "EUR")), Approved
        )
    assert bench.gateway.refunded_externally(reference) == 0
    bench.account.switches.refunds_pending = True
    _by_hand(bench, reference, 200)
    back = _by_hand(bench, reference, 1000, metadata={"why": "a wrong meter"})
    assert bench.gateway.refunded_externally(reference) == 1200, "one that is on its way as well"
    refunds.conclude(bench.account, back, succeeds=False)
    assert bench.gateway.refunded_externally(reference) == 200


def test_what_others_gave_back_is_unknown_unless_the_whole_list_says_so(
    bench: StripeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 1)
    reference = paid(bench)
    for _ in range(2):
        _by_hand(bench, reference, 10)
    bench.server.harm(Harm.DROP_BEFORE, "refunds.list", times=3)
    assert isinstance(bench.gateway.refunded_externally(reference), Unknown)
    monkeypatch.setattr(listing, "_PAGES_MAX", 1)
    assert isinstance(bench.gateway.refunded_externally(reference), Unknown)
    monkeypatch.undo()
    bench.account.of("refund")[0]["amount"] = "much"
    assert isinstance(bench.gateway.refunded_externally(reference), Unknown)


@pytest.mark.parametrize("reference", ["", "pi_none", "../../v1/customers"])
def test_a_refund_of_nothing_moves_nothing(bench: StripeBench, reference: str) -> None:
    answer = bench.gateway.refund(RefundRequest("refund_1", reference, 1000, "EUR"))
    assert isinstance(answer, Declined | Unknown)
    assert bench.account.of("refund") == []
