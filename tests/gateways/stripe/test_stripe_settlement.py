"""The lines of a payout: whole, in our references, and adding up to what the bank receives."""

import dataclasses

import pytest

from gateways.contract import Approved, Charge, GatewayUnreachableError, Refund
from gateways.settlement import LineKind
from tests.gateways.stripe.test_stripe_payments import ORDER, prepared, token
from tests.support.stripe import disputes, payouts
from tests.support.stripe.bench import StripeBench
from tests.support.stripe.line import Harm


def paid(bench: StripeBench, nth: int = 1) -> str:
    order = dataclasses.replace(ORDER, key=f"attempt_{nth}")
    reference = prepared(bench, order)
    once = token(bench, key=f"entry_{nth}")
    assert isinstance(bench.gateway.charge(Charge(order, once, reference)), Approved)
    return reference


def test_every_line_says_whose_it_is_and_all_add_up(bench: StripeBench) -> None:
    first, second = paid(bench, 1), paid(bench, 2)
    bench.gateway.refund(Refund("refund_1", first, 1000, "EUR"))
    disputes.open_dispute(bench.account, second)
    payout = payouts.make(bench.account)

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
    assert {line.currency for line in lines} == {"EUR"}
    assert all(line.available_on >= line.occurred_at for line in lines)


def test_a_payout_of_many_pages_is_read_to_its_end(bench: StripeBench) -> None:
    reference = paid(bench)
    for number in range(120):
        bench.gateway.refund(Refund(f"refund_{number}", reference, 10, "EUR"))
    payout = payouts.make(bench.account)

    lines = bench.gateway.payout_lines(payout["id"])
    assert len(lines) == 121
    assert sum(line.net_minor for line in lines) == payout["amount"]


def test_half_a_payout_is_none(bench: StripeBench) -> None:
    reference = paid(bench)
    for number in range(120):
        bench.gateway.refund(Refund(f"refund_{number}", reference, 10, "EUR"))
    payout = payouts.make(bench.account)
    bench.server.harm(Harm.DELAY, "balance_transactions.list")
    bench.server.harm(Harm.DROP_BEFORE, "balance_transactions.list", times=3)

    with pytest.raises(GatewayUnreachableError, match="ask again later"):
        bench.gateway.payout_lines(payout["id"])


def test_a_payout_that_never_was_is_a_sentence(bench: StripeBench) -> None:
    with pytest.raises(GatewayUnreachableError, match="po_none"):
        bench.gateway.payout_lines("po_none")
