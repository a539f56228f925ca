"""Disputes, opened and closed by a test's word: https://docs.stripe.com/api/disputes.

The amount leaves the balance with a fee at once, and comes back where the merchant wins.
"""

from typing import TYPE_CHECKING

from tests.support.stripe import settlement
from tests.support.stripe.journal import Moved
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

FEE_MINOR = 1500


def open_dispute(
    account: "StripeAccount",
    charge_or_intent: str,
    *,
    reason: str = "fraudulent",
    amount_minor: int | None = None,
) -> Thing:
    """The payer's bank takes it back, all of it or a part."""
    named = account.objects[charge_or_intent]
    charge = account.objects[named["latest_charge"]] if named["object"] == "payment_intent" else named
    amount = amount_minor or charge["amount_captured"]
    dispute = account.new(
        "dp",
        "dispute",
        amount=amount,
        balance_transactions=[],
        charge=charge["id"],
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={},
        evidence_details={
            "due_by": account.now + 7 * 24 * 3600,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        is_charge_refundable=False,
        metadata={},
        network_reason_code="10.4",
        payment_intent=charge["payment_intent"],
        payment_method_details={"card": {"brand": "visa", "network_reason_code": "10.4"}, "type": "card"},
        reason=reason,
        status="needs_response",
    )
    charge["disputed"] = True
    account.moved(Moved.DISPUTED, charge, amount)
    account.tell("charge.dispute.created", dispute)
    _line(account, dispute, -amount, FEE_MINOR, "dispute")
    account.tell("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close(account: "StripeAccount", dispute_id: str, *, won: bool) -> Thing:
    dispute = account.objects[dispute_id]
    dispute["status"] = "won" if won else "lost"
    if won:
        charge = account.objects[dispute["charge"]]
        charge["disputed"] = False
        account.moved(Moved.DISPUTE_WON, charge, dispute["amount"])
        _line(account, dispute, dispute["amount"], -FEE_MINOR, "dispute_reversal")
        account.tell("charge.dispute.funds_reinstated", dispute)
    account.tell("charge.dispute.closed", dispute)
    return dispute


def _line(account: "StripeAccount", dispute: Thing, amount: int, fee: int, category: str) -> None:
    line = settlement.write(
        account,
        "adjustment",
        amount,
        dispute["currency"],
        dispute["id"],
        category=category,
        fee_minor=fee,
        description=f"Chargeback {'withdrawal' if amount < 0 else 'reversal'} for {dispute['charge']}",
    )
    dispute["balance_transactions"].append(line)


def retrieve(account: "StripeAccount", dispute_id: str, params: Thing) -> Thing:
    return account.find("dispute", dispute_id, "dispute", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    return listed("/v1/disputes", matching(account.of("dispute"), params, "payment_intent", "charge"), params)
