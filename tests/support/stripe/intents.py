"""PaymentIntents: their states, and what each verb does in each:
https://docs.stripe.com/api/payment_intents.

Each verb checks everything before it changes anything. The issuer is asked in `charging`.
`payment_method_types` is no parameter of this API version any more
(https://docs.stripe.com/changelog/endive): `allowed_payment_method_types` is, and without it a confirmation
needs a return URL or a refusal of redirects.
"""

from typing import TYPE_CHECKING, Any

from tests.support.stripe import charging, currencies, methods, statement
from tests.support.stripe.capturing import change_metadata, refuse_if_hosted
from tests.support.stripe.charging import Circumstances
from tests.support.stripe.errors import Refusal, missing_object, unexpected_state, unknown_parameter
from tests.support.stripe.lists import listed, matching
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

NO_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
    "these payment methods might redirect your customer off of your page, you must provide a `return_url`. "
    "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
    "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
MOTO = "payment_method_options[card][moto]"
_ONLY_WITH_CONFIRM = ("off_session", "error_on_requires_action", "return_url", "mandate", "mandate_data")
_KEPT = (
    "capture_method",
    "confirmation_method",
    "customer",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor_suffix",
    "shipping",
    "transfer_group",
)


def create(account: "StripeAccount", params: Thing) -> Thing:
    if params.get("confirm") is not True:
        for name in _ONLY_WITH_CONFIRM:
            if name in params:
                raise Refusal(
                    400,
                    f"You may only specify one of these parameters with `confirm=true`: {name}.",
                    param=name,
                )
    intent = _new(account, params)
    _check_method_of(account, intent, params)
    confirmed = _checked_options(account, intent, params, confirming=params.get("confirm") is True)
    account.keep(intent)
    account.tell("payment_intent.created", intent)
    return _confirmed(account, intent, confirmed) if params.get("confirm") else intent


def _new(account: "StripeAccount", params: Thing) -> Thing:
    currency = params["currency"].lower()
    currencies.check_currency(params["currency"])
    currencies.check_charge(params["amount"], currency)
    statement.check_descriptors(account, params)
    check_customer(account, params)
    allowed = params.get("allowed_payment_method_types")
    automatic = params.get("automatic_payment_methods")
    if allowed and automatic:
        raise Refusal(
            400,
            "You may only specify one of these parameters: allowed_payment_method_types, "
            "automatic_payment_methods.",
        )
    intent = account.new("pi", "payment_intent")
    account.drop(intent)
    intent |= {
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "allowed_payment_method_types": allowed,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None
        if allowed
        else {"allow_redirects": "always", "enabled": True, **(automatic or {})},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent['id']}_secret_{account.ids.new('secret')}",
        "confirmation_method": "automatic",
        "currency": currency,
        "customer": None,
        "description": None,
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"installments": None, "request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    intent.update({name: params[name] for name in _KEPT if params.get(name)})
    intent["metadata"] = {key: value for key, value in params.get("metadata", {}).items() if value != ""}
    return intent


def retrieve(account: "StripeAccount", intent_id: str, params: Thing) -> Thing:
    return account.find("payment_intent", intent_id, "intent", in_path=True)


def update(account: "StripeAccount", intent_id: str, params: Thing) -> Thing:
    intent = account.find("payment_intent", intent_id, "intent", in_path=True)
    money = {"amount", "currency", "payment_method", "setup_future_usage", "customer"} & set(params)
    if money and intent["status"] not in (
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
    ):
        raise unexpected_state(
            f"This PaymentIntent's {min(money)} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {min(money)} of a PaymentIntent with one of the "
            "following statuses: requires_payment_method, requires_confirmation, requires_action.",
            intent,
        )
    currency = params.get("currency", intent["currency"]).lower()
    currencies.check_currency(currency)
    currencies.check_charge(params.get("amount", intent["amount"]), currency)
    statement.check_descriptors(account, params)
    check_customer(account, params)
    changed = {**intent, **{name: params[name] for name in _KEPT if name in params}}
    _check_method_of(account, changed, params)
    _checked_options(account, changed, params, confirming=False)
    intent.update(changed, amount=params.get("amount", intent["amount"]), currency=currency)
    change_metadata(intent, params)
    return intent


def confirm(account: "StripeAccount", intent_id: str, params: Thing) -> Thing:
    intent = account.find("payment_intent", intent_id, "intent", in_path=True)
    if intent["status"] == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously "
            "confirmed.",
            intent,
        )
    if intent["status"] in ("canceled", "processing", "requires_capture"):
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
            "requires_action.",
            intent,
        )
    refuse_if_hosted(account, intent, "confirm")
    method_id = params.get("payment_method", intent["payment_method"])
    if method_id is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
            intent,
        )
    methods.usable(account, intent, method_id)
    how = _checked_options(account, intent, params, confirming=True)
    if params.get("setup_future_usage"):
        intent["setup_future_usage"] = params["setup_future_usage"]
    for name in ("capture_method", "receipt_email", "shipping"):
        if params.get(name):
            intent[name] = params[name]
    intent["payment_method"] = method_id
    return _confirmed(account, intent, how)


def _confirmed(account: "StripeAccount", intent: Thing, how: Circumstances) -> Thing:
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method.", intent
        )
    method = methods.usable(account, intent, intent["payment_method"])
    return charging.attempt(account, intent, method, how)


def list_all(account: "StripeAccount", params: Thing) -> Thing:
    return listed("/v1/payment_intents", matching(account.of("payment_intent"), params, "customer"), params)


def _check_method_of(account: "StripeAccount", intent: Thing, params: Thing) -> None:
    if (method_id := params.get("payment_method")) is not None:
        methods.usable(account, intent, method_id)
        intent["payment_method"] = method_id
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"


def check_customer(account: "StripeAccount", params: Thing) -> None:
    if (customer_id := params.get("customer")) is not None:
        customer = account.objects.get(customer_id)
        if customer is None or customer["object"] != "customer" or customer.get("deleted"):
            raise missing_object("customer", customer_id, "customer")


def _checked_options(
    account: "StripeAccount", intent: Thing, params: Thing, *, confirming: bool
) -> Circumstances:
    card: Any = (params.get("payment_method_options") or {}).get("card") or {}
    moto = card.get("moto") is True
    if "moto" in card and not (confirming and account.switches.moto):
        raise unknown_parameter(MOTO, stored=True)
    later_use = params.get("setup_future_usage", intent["setup_future_usage"])
    if moto and later_use not in (None, "", "off_session"):
        raise Refusal(
            400,
            f"`{MOTO}` can be set to true only when `setup_future_usage` is either off_session or null.",
            param=MOTO,
        )
    automatic = intent["automatic_payment_methods"]
    if (
        confirming
        and automatic
        and automatic["allow_redirects"] == "always"
        and "return_url" not in params
        and not params.get("error_on_requires_action")
    ):
        raise Refusal(400, NO_RETURN_URL, param="return_url")
    return Circumstances(
        moto=moto,
        off_session=bool(params.get("off_session")),
        error_on_requires_action=params.get("error_on_requires_action") is True,
        return_url=params.get("return_url"),
    )


# What a test lets happen


def authenticate(account: "StripeAccount", intent_id: str, *, succeeds: bool = True) -> Thing:
    """The payer does what `next_action` asked for, or fails to."""
    intent = account.objects[intent_id]
    assert intent["status"] == "requires_action"
    method = account.objects[intent["payment_method"]]
    how = Circumstances(authenticated=True)
    try:
        if succeeds:
            return charging.decide(account, intent, method, how)
        charging.refused(account, intent, method, NOT_AUTHENTICATED, how, charged=False)
    except Refusal:
        pass
    return intent


NOT_AUTHENTICATED = charging.Refused(
    "payment_intent_authentication_failure",
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again.",
)


def conclude(account: "StripeAccount", intent_id: str) -> Thing:
    """A slow issuer's word on an intent that is `processing`."""
    intent = account.objects[intent_id]
    assert intent["status"] == "processing"
    try:
        return charging.decide(
            account, intent, account.objects[intent["payment_method"]], Circumstances(authenticated=True)
        )
    except Refusal:
        return intent
