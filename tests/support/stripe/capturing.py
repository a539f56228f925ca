"""How a PaymentIntent ends other than by its confirmation: captured, cancelled, or let lapse.

https://docs.stripe.com/payments/place-a-hold-on-a-payment-method. A partial capture releases the rest; what
is not captured within a week is released, too.
"""

from typing import TYPE_CHECKING

from tests.support.stripe import currencies, settlement
from tests.support.stripe.errors import Refusal, unexpected_state
from tests.support.stripe.journal import Moved
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)


def capture(account: "StripeAccount", intent_id: str, params: Thing) -> Thing:
    intent = account.find("payment_intent", intent_id, "intent", in_path=True)
    if intent["status"] != "requires_capture":
        why = (
            "it has already been captured."
            if intent["status"] == "succeeded"
            else f"it has a status of {intent['status']}. Only a PaymentIntent with one of the following "
            "statuses may be captured: requires_capture."
        )
        raise unexpected_state(f"This PaymentIntent could not be captured because {why}", intent)
    amount = params.get("amount_to_capture", intent["amount_capturable"])
    if not 1 <= amount <= intent["amount_capturable"]:
        raise Refusal(
            400,
            "The amount to capture must be greater than 0 and at most the capturable amount "
            f"({intent['amount_capturable']}).",
            code="amount_too_large" if amount > 0 else "parameter_invalid_integer",
            param="amount_to_capture",
        )
    currencies.check_divides(amount, intent["currency"], "amount_to_capture")
    charge = account.objects[intent["latest_charge"]]
    left = intent["amount_capturable"] - amount
    account.moved(Moved.CAPTURED, charge, amount)
    if left:
        account.moved(Moved.RELEASED, charge, left)
    charge.update(captured=True, amount_captured=amount, amount_refunded=left)
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    change_metadata(intent, params)
    settlement.of_charge(account, charge)
    account.tell("charge.captured", charge)
    account.tell("payment_intent.succeeded", intent)
    return intent


def cancel(account: "StripeAccount", intent_id: str, params: Thing) -> Thing:
    intent = account.find("payment_intent", intent_id, "intent", in_path=True)
    if intent["status"] not in CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            f"PaymentIntent with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            intent,
        )
    refuse_if_hosted(account, intent, "cancel")
    if intent["status"] == "processing":
        raise unexpected_state(
            "You cannot cancel this PaymentIntent because its charge is being processed by the issuer.",
            intent,
        )
    return call_off(account, intent, params.get("cancellation_reason"))


def call_off(account: "StripeAccount", intent: Thing, reason: str | None) -> Thing:
    """Cancels it; what was held is released."""
    if intent["status"] == "requires_capture":
        charge = account.objects[intent["latest_charge"]]
        account.moved(Moved.RELEASED, charge, intent["amount_capturable"])
        charge.update(refunded=True, amount_refunded=charge["amount"])
        account.tell("charge.refunded", charge)
    intent.update(
        status="canceled",
        canceled_at=account.now,
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    account.tell("payment_intent.canceled", intent)
    return intent


def lapse(account: "StripeAccount") -> None:
    """What was authorized and never captured is released after a week."""
    for intent in account.of("payment_intent"):
        if intent["status"] == "requires_capture":
            charge = account.objects[intent["latest_charge"]]
            if charge["payment_method_details"]["card"]["capture_before"] <= account.now:
                call_off(account, intent, "automatic")


def refuse_if_hosted(account: "StripeAccount", intent: Thing, verb: str) -> None:
    for session in account.of("checkout.session"):
        if session["payment_intent"] == intent["id"]:
            raise unexpected_state(
                f"You cannot {verb} PaymentIntents created by Checkout Sessions. Expire the Session instead.",
                intent,
            )


def change_metadata(thing: Thing, params: Thing) -> None:
    given = params.get("metadata")
    if given == "":
        thing["metadata"] = {}
    elif given:
        merged = {**thing["metadata"], **given}
        thing["metadata"] = {key: value for key, value in merged.items() if value != ""}
