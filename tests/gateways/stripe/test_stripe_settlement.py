"""The lines of a payout: whole, in our references, and adding up to what the bank receives."""

import dataclasses
from typing import Any

import pytest

from gateways.contract import Approved, ChargeRequest, GatewayUnreachableError, RefundRequest
from gateways.settlement import LineKind
from gateways.stripe import settlement
from tests.support.stripe import disputes, payouts
from tests.support.stripe.harness import StripeHarness
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, prepared, token


def paid(harness: StripeHarness, nth: int = 1) -> str:
    order = dataclasses.replace(ORDER, key=f"attempt_{nth}")
    reference = prepared(harness, order)
    once = token(harness, key=f"entry_{nth}")
    assert isinstance(harness.gateway.charge(ChargeRequest(order, once, reference)), Approved)
    return reference


def test_every_line_says_whose_it_is_and_all_add_up(harness: StripeHarness) -> None:
    first, second = paid(harness, 1), paid(harness, 2)
    harness.gateway.refund(RefundRequest("refund_1", first, 1000, "EUR"))
    disputes.open_dispute(harness.account, second)
    payout = payouts.pay_out(harness.account)

    lines = harness.gateway.payout_lines(payout["id"])

    assert sum(line.net_minor for line in lines) == payout["amount"]
    assert all(line.gross_minor - line.fee_minor == line.net_minor for line in lines)
    assert len({line.reference for line in lines}) == len(lines) == 4
    told = {(line.kind, line.charge_reference, line.order_key, line.refund_key) for line in lines}
    assert told == {
        (LineKind.CHARGE, first, "attempt_1", None),
        (LineKind.CHARGE, second, "attempt_2", None),
        (LineKind.REFUND, first, None, "refund_1"),
        (LineKind.DISPUTE, second, None, None),
    }
    sources = {line.kind: line.source_reference or "" for line in lines}
    assert sources[LineKind.CHARGE].startswith("ch_")
    assert sources[LineKind.REFUND].startswith("re_")
    assert sources[LineKind.DISPUTE].startswith("dp_")
    assert {line.currency for line in lines} == {"EUR"}
    assert all(line.available_on >= line.occurred_at for line in lines)


@pytest.fixture
def many(harness: StripeHarness, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A payout of three pages."""
    monkeypatch.setattr(settlement, "_PAGE", 2)
    for nth in range(4):
        paid(harness, nth)
    return payouts.pay_out(harness.account)


def test_a_payout_of_many_pages_is_read_to_its_end(harness: StripeHarness, many: dict[str, Any]) -> None:
    lines = harness.gateway.payout_lines(many["id"])

    assert len(lines) == 4
    assert sum(line.net_minor for line in lines) == many["amount"]


def test_half_a_payout_is_none(harness: StripeHarness, many: dict[str, Any]) -> None:
    harness.server.harm(Harm.DELAY, "balance_transactions.list")
    harness.server.harm(Harm.DROP_BEFORE, "balance_transactions.list", times=3)

    with pytest.raises(GatewayUnreachableError, match="try again later"):
        harness.gateway.payout_lines(many["id"])


def test_a_list_without_an_end_is_none(
    harness: StripeHarness, many: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "_PAGES_MAX", 2)

    with pytest.raises(GatewayUnreachableError, match="is too long"):
        harness.gateway.payout_lines(many["id"])


@pytest.mark.parametrize(
    ("how", "sentence"),
    [({"automatic": False}, "only automatic payouts"), ({"reconciled": False}, "not reconciled")],
)
def test_a_payout_that_has_no_lines_yet_or_ever_is_a_sentence(
    harness: StripeHarness, how: dict[str, bool], sentence: str
) -> None:
    paid(harness)
    payout = payouts.pay_out(harness.account, **how)

    with pytest.raises(GatewayUnreachableError, match=sentence):
        harness.gateway.payout_lines(payout["id"])


def test_a_payout_that_never_was_is_a_sentence(harness: StripeHarness) -> None:
    with pytest.raises(GatewayUnreachableError, match="po_none"):
        harness.gateway.payout_lines("po_none")
