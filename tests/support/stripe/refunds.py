"""Refunds, in full and in part, never above what is left: https://docs.stripe.com/api/refunds.

An over-refund carries no error code (only its sentence), as merchants quote it; a charge that is all refunded
says `charge_already_refunded`. A refund may stay pending and fail later.
"""

from typing import TYPE_CHECKING

from tests.support.stripe import currencies, settlement
from tests.support.stripe.errors import Refusal, missing_object
from tests.support.stripe.journal import Moved
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount


def create(account: "StripeAccount", params: Thing) -> Thing:
    charge = _charge_of(account, params)
    if charge["disputed"]:
        raise Refusal(
            400,
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    left = charge["amount_captured"] - refunded(account, charge)
    if left == 0:
        raise Refusal(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = params.get("amount", left)
    currency = charge["currency"]
    if amount < 1:
        raise Refusal(
            400,
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > left:
        raise Refusal(
            400,
            f"Refund amount ({amount} {currency}) is greater than unrefunded amount on charge "
            f"({left} {currency})",
            param="amount",
        )
    currencies.check_divides(amount, currency)
    return _made(account, charge, amount, params)


def _charge_of(account: "StripeAccount", params: Thing) -> Thing:
    intent_id, charge_id = params.get("payment_intent"), params.get("charge")
    if intent_id is None and charge_id is None:
        raise Refusal(
            400,
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    if intent_id is not None:
        intent = account.objects.get(intent_id)
        if intent is None or intent["object"] != "payment_intent":
            raise missing_object("payment_intent", intent_id, "payment_intent")
        if charge_id not in (None, intent["latest_charge"]):
            raise Refusal(400, f"Charge {charge_id} does not belong to PaymentIntent {intent_id}.")
        charge_id = intent["latest_charge"]
    else:
        intent_id = account.find("charge", str(charge_id), "charge")["payment_intent"]
    charge = account.objects.get(str(charge_id))
    if charge is None or charge["status"] != "succeeded" or not charge["captured"]:
        raise Refusal(400, f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.")
    return charge


def _made(account: "StripeAccount", charge: Thing, amount: int, params: Thing) -> Thing:
    later = account.cards[charge["payment_method"]].card.refund
    pending = account.switches.refunds_pending or later == "pending_then_succeeds"
    refund = account.new(
        "re",
        "refund",
        amount=amount,
        balance_transaction=None,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        metadata=dict(params.get("metadata") or {}),
        payment_intent=charge["payment_intent"],
        reason=params.get("reason"),
        receipt_number=None,
        source_transfer_reversal=None,
        status="pending" if pending else "succeeded",
        transfer_reversal=None,
    )
    del refund["livemode"]
    account.moved(Moved.REFUNDED, charge, amount)
    _note(account, charge)
    line = settlement.write(
        account, "refund", -amount, charge["currency"], refund["id"], description="REFUND FOR CHARGE"
    )
    refund["balance_transaction"] = line["id"]
    account.tell("charge.refunded", charge)
    account.tell("refund.created", refund)
    if later == "pending_then_fails":
        account.later.append(lambda: _ended(account, refund, succeeds=False))
    return refund


def refunded(account: "StripeAccount", charge: Thing) -> int:
    """What was given back of a charge and has not failed."""
    return sum(
        one["amount"]
        for one in account.of("refund")
        if one["charge"] == charge["id"] and one["status"] in ("pending", "succeeded", "requires_action")
    )


def _note(account: "StripeAccount", charge: Thing) -> None:
    given_back = refunded(account, charge)
    released = charge["amount"] - charge["amount_captured"]
    charge.update(amount_refunded=given_back + released, refunded=given_back + released == charge["amount"])


def conclude(account: "StripeAccount", refund_id: str, *, succeeds: bool = True) -> Thing:
    """What becomes of a pending refund, or of one that the payer's bank sends back."""
    return _ended(account, account.objects[refund_id], succeeds=succeeds)


def _ended(account: "StripeAccount", refund: Thing, *, succeeds: bool) -> Thing:
    if succeeds:
        refund["status"] = "succeeded"
        account.tell("refund.updated", refund)
        account.tell("charge.refund.updated", refund)
        return refund
    assert refund["status"] in ("pending", "succeeded")
    charge = account.objects[refund["charge"]]
    refund.update(status="failed", failure_reason="expired_or_canceled_card")
    account.moved(Moved.REFUND_FAILED, charge, refund["amount"])
    _note(account, charge)
    line = settlement.write(
        account,
        "refund_failure",
        refund["amount"],
        refund["currency"],
        refund["id"],
        description="REFUND FAILURE",
    )
    refund["failure_balance_transaction"] = line["id"]
    account.tell("refund.failed", refund)
    account.tell("refund.updated", refund)
    return refund


def retrieve(account: "StripeAccount", refund_id: str, params: Thing) -> Thing:
    return account.find("refund", refund_id, "refund", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    return listed("/v1/refunds", matching(account.of("refund"), params, "payment_intent", "charge"), params)
