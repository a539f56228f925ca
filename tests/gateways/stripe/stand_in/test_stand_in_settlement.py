"""Balance transactions, payouts and disputes: https://docs.stripe.com/payouts/reconciliation."""

import pytest
import stripe

from tests.gateways.stripe.stand_in.conftest import Merchant
from tests.support.stripe import disputes, payouts
from tests.support.stripe.server import StripeServer
from tests.support.time_and_ids import ManualClock


def test_a_charge_has_its_line_shortly_after_the_answer(merchant: Merchant) -> None:
    paid = merchant.paid(expand=["latest_charge"])
    assert paid.latest_charge.balance_transaction is None
    charge = merchant.v1.charges.retrieve(paid.latest_charge.id, {"expand": ["balance_transaction"]})

    line = charge.balance_transaction
    assert (line.amount, line.fee, line.net, line.source) == (5000, 100, 4900, charge.id)
    assert (line.type, line.reporting_category, line.status) == ("charge", "charge", "pending")
    assert [fee.amount for fee in line.fee_details] == [100]


def test_a_payout_s_lines_add_up_to_it(merchant: Merchant, stand_in: StripeServer) -> None:
    first = merchant.paid(metadata={"attempt": "a-1"})
    merchant.paid(7000)
    merchant.paid(9000, "usd")
    merchant.v1.refunds.create({"payment_intent": first.id, "amount": 1000})
    payout = payouts.pay_out(stand_in.account)

    lines = merchant.v1.balance_transactions.list(
        {"payout": payout["id"], "limit": 2, "expand": ["data.source"]}
    )
    found = {line.type: line for line in lines.auto_paging_iter()}
    assert set(found) == {"charge", "refund", "payout"}
    every = merchant.v1.balance_transactions.list({"payout": payout["id"], "limit": 100}).data
    assert sum(line.net for line in every if line.type != "payout") == payout["amount"]
    assert found["charge"].source.metadata.to_dict() in ({"attempt": "a-1"}, {})
    assert merchant.v1.payouts.retrieve(payout["id"]).reconciliation_status == "completed"


def test_a_line_is_paid_out_once(merchant: Merchant, stand_in: StripeServer) -> None:
    merchant.paid()
    first = payouts.pay_out(stand_in.account)
    merchant.paid(7000)
    second = payouts.pay_out(stand_in.account)

    assert (first["amount"], second["amount"]) == (4900, 7000 - 130)


def test_lines_are_complete_once_the_reconciliation_is_told(
    merchant: Merchant, stand_in: StripeServer
) -> None:
    merchant.paid()
    merchant.paid()
    payout = payouts.pay_out(stand_in.account, reconciled=False)
    asked = {"payout": payout["id"]}
    assert len(merchant.v1.balance_transactions.list(asked).data) == 1
    payouts.reconcile(stand_in.account, payout["id"])

    assert len(merchant.v1.balance_transactions.list(asked).data) == 3
    assert merchant.v1.events.list().data[0].type == "payout.reconciliation_completed"


def test_a_manual_payout_has_no_lines(merchant: Merchant, stand_in: StripeServer) -> None:
    merchant.paid()
    payout = payouts.pay_out(stand_in.account, automatic=False)

    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic transfers"):
        merchant.v1.balance_transactions.list({"payout": payout["id"]})


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_takes_the_money_and_may_give_it_back(
    merchant: Merchant, stand_in: StripeServer, won: bool
) -> None:
    paid = merchant.paid()
    dispute = disputes.open_dispute(stand_in.account, paid.id, reason="product_not_received")
    assert stand_in.account.books(intent=paid.id).disputed_minor == 5000
    disputes.close(stand_in.account, dispute["id"], won=won)

    closed = merchant.v1.disputes.retrieve(dispute["id"])
    assert (closed.status, closed.reason) == ("won" if won else "lost", "product_not_received")
    assert sum(line.net for line in closed.balance_transactions) == (0 if won else -6500)
    assert stand_in.account.books(intent=paid.id).disputed_minor == (0 if won else 5000)
    told = [event.type for event in merchant.v1.events.list({"limit": 100}).data]
    assert ("charge.dispute.funds_reinstated" in told) is won


def test_a_disputed_test_card_disputes_by_itself(merchant: Merchant) -> None:
    paid = merchant.paid(number="4000000000000259")
    (dispute,) = merchant.v1.disputes.list({"payment_intent": paid.id}).data

    assert dispute.reason == "fraudulent"


def test_the_balance_becomes_available(merchant: Merchant, clock: ManualClock) -> None:
    merchant.paid()
    pending = merchant.v1.balance.retrieve()
    clock.advance(2 * 24 * 3600)
    available = merchant.v1.balance.retrieve()

    assert (pending.pending[0].amount, pending.available[0].amount) == (4900, 0)
    assert (available.pending[0].amount, available.available[0].amount) == (0, 4900)
