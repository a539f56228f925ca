"""PaymentMethods: a raw card made into one, saved for a customer, and used once otherwise.

https://docs.stripe.com/api/payment_methods. The number and the code are looked at and let go: see `cards`.
"""

import re
from typing import TYPE_CHECKING

from tests.support.stripe.cards import LIVE_CARD, TEST_CARDS, HeldCard, Refused, luhn_fits
from tests.support.stripe.errors import Refusal
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

USED = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
    "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
    "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
)
USED_ATTACH = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
    "Customer, and may not be used again."
)
RAW_CARDS_OFF = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test "
    "tokens that map to the test card you are using, see https://stripe.com/docs/testing. To enable raw card "
    "data APIs in test mode, see https://support.stripe.com/questions/enabling-access-to-raw-card-data-apis."
)
YEARS_AHEAD = 50


def create(account: "StripeAccount", params: Thing) -> Thing:
    card = params.get("card")
    if params.get("type") != "card" or not isinstance(card, dict) or "number" not in card:
        raise Refusal(400, "Missing required param: card[number].", code="parameter_missing", param="card")
    if not account.switches.raw_cards:
        raise Refusal(400, RAW_CARDS_OFF)
    method = account.new(
        "pm",
        "payment_method",
        type="card",
        allow_redisplay=params.get("allow_redisplay", "unspecified"),
        billing_details=_billing(params.get("billing_details", {})),
        customer=None,
        metadata=dict(params.get("metadata", {})),
    )
    try:
        held = _held(account, card)
    except Refusal:
        account.drop(method)
        raise
    account.cards[method["id"]] = held
    method["card"] = shown_card(held)
    return method


def make(account: "StripeAccount", number: str = "4242424242424242") -> Thing:
    """A PaymentMethod that a page of Stripe's own, or a carrier's connector, made of a card."""
    card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "973"}
    allowed, account.switches.raw_cards = account.switches.raw_cards, True
    try:
        return create(account, {"type": "card", "card": card})
    finally:
        account.switches.raw_cards = allowed


def _held(account: "StripeAccount", card: Thing) -> HeldCard:
    number, code = re.sub(r"[ -]", "", card["number"]), card.get("cvc")
    if not re.fullmatch(r"\d{12,19}", number) or not luhn_fits(number):
        raise _at_entry(Refused("incorrect_number", "Your card number is incorrect.", None, "number"))
    test_card = TEST_CARDS.get(number)
    if test_card is None:
        raise _at_entry(LIVE_CARD)
    today = account.clock.now()
    month, year = card.get("exp_month", 0), card.get("exp_year", 0)
    if not 1 <= month <= 12:
        raise _at_entry(
            Refused("invalid_expiry_month", "Your card's expiration month is invalid.", None, "exp_month")
        )
    if not (today.year, today.month) <= (year, month) <= (today.year + YEARS_AHEAD, 12):
        raise _at_entry(
            Refused("invalid_expiry_year", "Your card's expiration year is invalid.", None, "exp_year")
        )
    if code is not None and not re.fullmatch(r"\d{4}" if test_card.brand == "amex" else r"\d{3}", code):
        raise _at_entry(Refused("invalid_cvc", "Your card's security code is invalid.", None, "cvc"))
    return HeldCard(
        test_card.name,
        test_card.brand,
        number[-4:],
        month,
        year,
        account.fingerprint(number),
        code is not None,
    )


def _at_entry(refused: Refused) -> Refusal:
    return Refusal(
        402,
        refused.message,
        type="card_error",
        code=refused.code,
        decline_code=refused.decline_code,
        param=refused.param,
    )


def shown_card(held: HeldCard) -> Thing:
    return {
        "brand": held.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked" if held.has_cvc else None,
        },
        "country": "US",
        "display_brand": held.brand,
        "exp_month": held.expiry_month,
        "exp_year": held.expiry_year,
        "fingerprint": held.fingerprint,
        "funding": "debit" if held.behaviour == "approved_debit" else "credit",
        "generated_from": None,
        "last4": held.last4,
        "networks": {"available": [held.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _billing(given: Thing) -> Thing:
    address = {
        "city": None,
        "country": None,
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    }
    empty = {"email": None, "name": None, "phone": None, "tax_id": None}
    return {**empty, **given, "address": {**address, **given.get("address", {})}}


def retrieve(account: "StripeAccount", method_id: str, params: Thing) -> Thing:
    return account.find("payment_method", method_id, "payment_method", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    found = matching(account.of("payment_method"), params, "type", "customer")
    return listed("/v1/payment_methods", [one for one in found if one["customer"]], params)


def list_of_customer(account: "StripeAccount", customer_id: str, params: Thing) -> Thing:
    account.find("customer", customer_id, "customer", in_path=True)
    found = matching(account.of("payment_method"), {**params, "customer": customer_id}, "type", "customer")
    return listed(f"/v1/customers/{customer_id}/payment_methods", found, params)


def retrieve_of_customer(account: "StripeAccount", customer_id: str, method_id: str, params: Thing) -> Thing:
    method = account.find("payment_method", method_id, "payment_method", in_path=True)
    if method["customer"] != customer_id:
        raise Refusal(404, f"No such payment_method: '{method_id}'", code="resource_missing")
    return method


def attach(account: "StripeAccount", method_id: str, params: Thing) -> Thing:
    method = account.find("payment_method", method_id, "payment_method", in_path=True)
    customer = account.find("customer", params.get("customer", ""), "customer")
    if method["customer"] not in (None, customer["id"]):
        raise Refusal(
            400, "The payment method you provided has already been attached to a customer.", code=None
        )
    if method_id in account.used_methods and method["customer"] is None:
        raise Refusal(400, USED_ATTACH)
    return save(account, method, customer["id"])


def save(account: "StripeAccount", method: Thing, customer_id: str) -> Thing:
    """The method belongs to the customer and can be used again."""
    if method["customer"] is None:
        method["customer"] = customer_id
        account.tell("payment_method.attached", method)
    return method


def detach(account: "StripeAccount", method_id: str, params: Thing) -> Thing:
    method = account.find("payment_method", method_id, "payment_method", in_path=True)
    if method["customer"] is None:
        raise Refusal(
            400, "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    return let_go(account, method)


def let_go(account: "StripeAccount", method: Thing) -> Thing:
    was, method["customer"] = method["customer"], None
    account.used_methods.add(method["id"])
    account.tell("payment_method.detached", method, {"customer": was})
    return method


def usable(account: "StripeAccount", intent: Thing, method_id: str) -> Thing:
    """The method for this intent, or what Stripe says of one that cannot be used."""
    method = account.objects.get(method_id)
    if method is None or method["object"] != "payment_method":
        raise Refusal(
            400, f"No such PaymentMethod: '{method_id}'", code="resource_missing", param="payment_method"
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise Refusal(
            400,
            "The provided PaymentMethod belongs to a Customer. Please include the Customer in the `customer` "
            "parameter on the PaymentIntent.",
            param="payment_method",
        )
    if method["customer"] is None and method_id in account.used_methods:
        raise Refusal(400, USED)
    return method
