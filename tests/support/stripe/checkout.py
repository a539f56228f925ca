"""Checkout Sessions: a pay link with an end: https://docs.stripe.com/api/checkout/sessions.

The PaymentIntent is made when the payer first tries to pay (API 2022-08-01 and later). `pay` is the payer;
the hosted page in `page` calls it too. A refused card leaves the session open.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.stripe import capturing, charging, currencies, intents, methods, statement
from tests.support.stripe.charging import Circumstances
from tests.support.stripe.errors import Refusal
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

SHORTEST_S = 30 * 60
LONGEST_S = 24 * 3600
PATH = "/c/pay/"


def create(account: "StripeAccount", params: Thing) -> Thing:
    _check(account, params)
    items = params["line_items"]
    currency = items[0]["price_data"]["currency"].lower()
    total = sum(item["price_data"]["unit_amount"] * item.get("quantity", 1) for item in items)
    currencies.check_currency(currency)
    currencies.check_charge(total, currency)
    wanted = params.get("payment_intent_data", {})
    statement.check_descriptors(account, wanted)
    session = account.new(
        "cs_test",
        "checkout.session",
        amount_subtotal=total,
        amount_total=total,
        automatic_tax={"enabled": False, "status": None},
        cancel_url=params.get("cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        client_secret=None,
        currency=currency,
        custom_fields=[],
        customer=params.get("customer"),
        customer_details=None,
        customer_email=params.get("customer_email"),
        expires_at=params.get("expires_at", account.now + LONGEST_S),
        locale=params.get("locale"),
        metadata=dict(params.get("metadata", {})),
        mode="payment",
        payment_intent=None,
        payment_link=None,
        payment_method_types=["card"],
        payment_status="unpaid",
        recovered_from=None,
        shipping_options=[],
        status="open",
        submit_type=params.get("submit_type"),
        success_url=params.get("success_url"),
        ui_mode="hosted_page",
    )
    session["url"] = f"{account.pages}{PATH}{session['id']}"
    account.wanted_intents[session["id"]] = {
        **wanted,
        "amount": total,
        "currency": currency,
        "allowed_payment_method_types": ["card"],
        **({"customer": session["customer"]} if session["customer"] else {}),
    }
    account.item_names[session["id"]] = [item["price_data"]["product_data"]["name"] for item in items]
    return session


def _check(account: "StripeAccount", params: Thing) -> None:
    if params.get("mode", "payment") != "payment":
        raise Refusal(400, "The stand-in knows Checkout Sessions in `payment` mode alone.", param="mode")
    if not params.get("line_items"):
        raise _missing("line_items")
    for item in params["line_items"]:
        price = item.get("price_data")
        if price is None or "product_data" not in price or "unit_amount" not in price:
            raise _missing("line_items[0][price_data]")
    if len({item["price_data"]["currency"] for item in params["line_items"]}) > 1:
        raise Refusal(400, "All prices on a Checkout Session must have the same currency.")
    if "success_url" not in params:
        raise _missing("success_url")
    for name in ("success_url", "cancel_url"):
        if name in params and urlsplit(params[name]).scheme not in ("http", "https"):
            raise Refusal(400, "Not a valid URL", code="url_invalid", param=name)
    intents.check_customer(account, params)
    _check_end(account, params)


def _check_end(account: "StripeAccount", params: Thing) -> None:
    ends_in = params.get("expires_at", account.now + LONGEST_S) - account.now
    if ends_in < SHORTEST_S:
        raise Refusal(
            400,
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if ends_in > LONGEST_S:
        raise Refusal(
            400,
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _missing(param: str) -> Refusal:
    return Refusal(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def retrieve(account: "StripeAccount", session_id: str, params: Thing) -> Thing:
    return account.find("checkout.session", session_id, "session", in_path=True)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    found = matching(account.of("checkout.session"), params, "payment_intent", "customer", "status")
    return listed("/v1/checkout/sessions", found, params)


def expire(account: "StripeAccount", session_id: str, params: Thing) -> Thing:
    session = account.find("checkout.session", session_id, "session", in_path=True)
    if session["status"] != "open":
        raise Refusal(
            400,
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of `{session['status']}`.",
        )
    return _end(account, session)


def _end(account: "StripeAccount", session: Thing) -> Thing:
    session.update(status="expired", url=None)
    if session["payment_intent"] is not None:
        capturing.call_off(account, account.objects[session["payment_intent"]], "automatic")
    account.tell("checkout.session.expired", session)
    return session


def lapse(account: "StripeAccount") -> None:
    """A session that nobody paid ends when its time has come."""
    for session in account.of("checkout.session"):
        if session["status"] == "open" and session["expires_at"] <= account.now:
            _end(account, session)


def pay(account: "StripeAccount", session_id: str, number: str = "4242424242424242") -> Thing:
    """The payer pays on the hosted page by a test card; what came of it stands in the session.

    A payer who is asked to authenticate does: see `intents.authenticate` for the other end.
    """
    account.tidy()
    session = account.objects[session_id]
    if session["status"] != "open":
        return session
    if session["payment_intent"] is None:
        intent = intents.create(account, account.wanted_intents[session_id])
        session["payment_intent"] = intent["id"]
    intent = account.objects[session["payment_intent"]]
    method = methods.make(account, number)
    try:
        charging.attempt(account, intent, method, Circumstances(hosted=True, authenticated=True))
    except Refusal:
        return session
    session.update(
        status="complete",
        payment_status="paid" if intent["status"] in ("succeeded", "requires_capture") else "unpaid",
        url=None,
        customer_details={"email": session["customer_email"], "name": None, "phone": None, "address": None},
    )
    account.tell("checkout.session.completed", session)
    return session
