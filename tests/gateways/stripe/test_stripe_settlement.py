"""The lines of a payout: whole, in our references, and adding up to what the bank receives."""

import dataclasses
from typing import Any

import pytest

from gateways.contract import Approved, ChargeRequest, GatewayUnreachableError, RefundRequest
from gateways.settlement import LineKind
from gateways.stripe import settlement
from tests.support.stripe import disputes, payouts
from tests.support.stripe.harness import StripeBench
from tests.support.stripe.line import Harm
from tests.support.stripe.orders import ORDER, prepared, token


def paid(bench: StripeBench, nth: int = 1) -> str:
    order = dataclasses.replace(ORDER, key=f"attempt_{nth}")
    reference = prepared(bench, order)
    once = token(bench, key=f"entry_{nth}")
    assert isinstance(bench.gateway.charge(ChargeRequest(order, once, reference)), Approved)
    return reference


def test_every_line_says_whose_it_is_and_all_add_up(bench: StripeBench) -> None:
    first, second = paid(bench, 1), paid(bench, 2)
    bench.gateway.refund(RefundRequest("refund_1", first, 1000, "EUR"))
    disputes.open_dispute(bench.account, second)
    payout = payouts.pay_out(bench.account)

    lines = bench.gateway.payout_lines(payout["id"])

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
def many(bench: StripeBench, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A payout of three pages."""
    monkeypatch.setattr(settlement, "_PAGE", 2)
    for nth in range(4):
        paid(bench, nth)
    return payouts.pay_out(bench.account)


def test_a_payout_of_many_pages_is_read_to_its_end(bench: StripeBench, many: dict[str, Any]) -> None:
    lines = bench.gateway.payout_lines(many["id"])

    assert len(lines) == 4
    assert sum(line.net_minor for line in lines) == many["amount"]


def test_half_a_payout_is_none(bench: StripeBench, many: dict[str, Any]) -> None:
    bench.server.harm(Harm.DELAY, "balance_transactions.list")
    bench.server.harm(Harm.DROP_BEFORE, "balance_transactions.list", times=3)

    with pytest.raises(GatewayUnreachableError, match="try again later"):
        bench.gateway.payout_lines(many["id"])


def test_a_list_without_an_end_is_none(
    bench: StripeBench, many: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "_PAGES_MAX", 2)

    with pytest.raises(GatewayUnreachableError, match="is too long"):
        bench.gateway.payout_lines(many["id"])


@pytest.mark.parametrize(
    ("how", "sentence"),
    [({"automatic": False}, "only automatic payouts"), ({"reconciled": False}, "not reconciled")],
)
def test_a_payout_that_has_no_lines_yet_or_ever_is_a_sentence(
    bench: StripeBench, how: dict[str, bool], sentence: str
) -> None:
    paid(bench)
    payout = payouts.pay_out(bench.account, **how)

    with pytest.raises(GatewayUnreachableError, match=sentence):
        bench.gateway.payout_lines(payout["id"])


def test_a_payout_that_never_was_is_a_sentence(bench: StripeBench) -> None:
    with pytest.raises(GatewayUnreachableError, match="po_none"):
        bench.gateway.payout_lines("po_none")
