"""One attempt to charge: the issuer's word on a confirmed PaymentIntent, and the Charge that comes of it.

https://docs.stripe.com/payments/paymentintents/lifecycle. A refused attempt is a 402 with the intent in it,
back at `requires_payment_method`; a demand for authentication is `requires_action`, or a 402 where the
caller asked for an error instead. Money moves in `_take` alone.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.stripe import methods, settlement
from tests.support.stripe.cards import AUTHENTICATION, Asks, HeldCard, Refused
from tests.support.stripe.errors import Refusal
from tests.support.stripe.journal import Moved
from tests.support.stripe.wire import Thing

if TYPE_CHECKING:
    from tests.support.stripe.account import StripeAccount

AUTHORIZED_FOR_S = 7 * 24 * 3600


@dataclass(frozen=True)
class Circumstances:
    """How the payer takes part."""

    moto: bool = False
    off_session: bool = False
    error_on_requires_action: bool = False
    return_url: str | None = None
    authenticated: bool = False
    hosted: bool = False
    """On Stripe's own page, where a payer can always authenticate."""


def attempt(account: "StripeAccount", intent: Thing, method: Thing, how: Circumstances) -> Thing:
    """Charges the intent, or says how far it came; a refusal is raised."""
    held = account.cards[method["id"]]
    if method["customer"] is None:
        account.used_methods.add(method["id"])
    intent["payment_method"] = method["id"]
    intent["next_action"] = None
    if _asks(held, method, how):
        return _ask(account, intent, method, how)
    if account.switches.slow_issuer:
        intent["status"] = "processing"
        account.tell("payment_intent.processing", intent)
        return intent
    return decide(account, intent, method, how)


def decide(account: "StripeAccount", intent: Thing, method: Thing, how: Circumstances) -> Thing:
    """The issuer's word."""
    held = account.cards[method["id"]]
    card = held.card
    if how.moto and card.asks is Asks.ALWAYS:
        raise refused(account, intent, method, AUTHENTICATION, how)
    if card.refused is not None and (method["customer"] is not None or not card.once_saved):
        raise refused(account, intent, method, card.refused, how)
    return _take(account, intent, method, how)


def _asks(held: HeldCard, method: Thing, how: Circumstances) -> bool:
    if how.authenticated or how.moto:
        return False
    saved = method["customer"] is not None
    return held.card.asks is Asks.ALWAYS or (held.card.asks is Asks.UNLESS_EXEMPT and not saved)


def _ask(account: "StripeAccount", intent: Thing, method: Thing, how: Circumstances) -> Thing:
    if how.off_session:
        raise refused(account, intent, method, AUTHENTICATION, how)
    if how.error_on_requires_action:
        not_handled = Refused(
            "authentication_required",
            "This payment required an authentication action to complete, but `error_on_requires_action` was "
            "set. When you're ready, you can upgrade your integration to handle actions at "
            "https://stripe.com/docs/payments/payment-intents/upgrade-to-handle-actions.",
            "authentication_not_handled",
        )
        raise refused(account, intent, method, not_handled, how, charged=False)
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent['id']}"
    if how.return_url:
        action: Thing = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": how.return_url, "url": url},
        }
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    intent.update(status="requires_action", next_action=action)
    account.tell("payment_intent.requires_action", intent)
    return intent


def refused(
    account: "StripeAccount",
    intent: Thing,
    method: Thing,
    why: Refused,
    how: Circumstances,
    *,
    charged: bool = True,
) -> Refusal:
    """Writes the refusal down, and gives the 402 that tells of it."""
    error: Thing = {
        "type": "card_error",
        "code": why.code,
        "decline_code": why.decline_code,
        "advice_code": why.advice_code,
        "network_decline_code": why.network_decline_code,
        "doc_url": f"https://docs.stripe.com/error-codes/{why.code.replace('_', '-')}",
        "message": why.message,
        "param": why.param,
        "payment_method": dict(method),
        "payment_method_type": "card",
    }
    if charged:
        charge = _charge(account, intent, method, how, status="failed", paid=False)
        charge.update(
            amount_captured=0,
            captured=False,
            failure_code=why.code,
            failure_message=why.message,
            outcome=_outcome(why),
        )
        intent["latest_charge"] = error["charge"] = charge["id"]
        account.tell("charge.failed", charge)
    error = {name: value for name, value in error.items() if value is not None}
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error
    )
    account.tell("payment_intent.payment_failed", intent)
    told = {name: value for name, value in error.items() if name not in ("type", "message", "doc_url")}
    return Refusal(402, why.message, type="card_error", payment_intent=dict(intent), **told)


def _take(account: "StripeAccount", intent: Thing, method: Thing, how: Circumstances) -> Thing:
    manual = intent["capture_method"] == "manual"
    charge = _charge(account, intent, method, how, status="succeeded", paid=True)
    charge.update(
        captured=not manual,
        amount_captured=0 if manual else intent["amount"],
        outcome=_outcome(None),
        authorization_code=f"{len(account.of('charge')) % 1_000_000:06d}",
    )
    details = charge["payment_method_details"]["card"]
    details["authorization_code"] = charge["authorization_code"]
    details["checks"]["cvc_check"] = "pass" if account.cards[method["id"]].has_cvc else None
    intent.update(latest_charge=charge["id"], last_payment_error=None, next_action=None)
    account.moved(Moved.HELD if manual else Moved.TAKEN, charge, intent["amount"])
    _remember(account, intent, method)
    account.tell("charge.succeeded", charge)
    if manual:
        details["capture_before"] = account.now + AUTHORIZED_FOR_S
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        account.tell("payment_intent.amount_capturable_updated", intent)
        return intent
    intent.update(status="succeeded", amount_received=intent["amount"])
    account.tell("payment_intent.succeeded", intent)
    _settle(account, intent, charge)
    return intent


def _settle(account: "StripeAccount", intent: Thing, charge: Thing) -> None:
    def settled() -> None:
        settlement.of_charge(account, charge)
        account.tell("charge.updated", charge, {"balance_transaction": None})
        if reason := account.cards[charge["payment_method"]].card.dispute:
            from tests.support.stripe import disputes

            disputes.open_dispute(account, charge["id"], reason=reason)

    if intent["capture_method"] == "automatic":
        settlement.of_charge(account, charge)
    else:
        account.later.append(settled)


def _remember(account: "StripeAccount", intent: Thing, method: Thing) -> None:
    """`setup_future_usage`: the method can be used again, and is the customer's where there is one."""
    if intent["setup_future_usage"]:
        account.used_methods.discard(method["id"])
        if intent["customer"]:
            methods.save(account, method, intent["customer"])


def _charge(
    account: "StripeAccount", intent: Thing, method: Thing, how: Circumstances, **fields: Any
) -> Thing:
    held = account.cards[method["id"]]
    suffix = intent["statement_descriptor_suffix"]
    prefix = account.switches.statement_prefix
    card = {name: value for name, value in method["card"].items() if name != "display_brand"}
    return account.new(
        "ch",
        "charge",
        amount=intent["amount"],
        amount_refunded=0,
        authorization_code=None,
        balance_transaction=None,
        billing_details=method["billing_details"],
        calculated_statement_descriptor=f"{prefix}* {suffix}" if suffix else prefix,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={
            "card": {
                **card,
                "checks": dict(card["checks"]),
                "amount_authorized": intent["amount"],
                "authorization_code": None,
                "mandate": None,
                "moto": True if how.moto else None,
                "network": held.brand,
                "network_transaction_id": None,
                "three_d_secure": {"result": "authenticated"} if how.authenticated else None,
            },
            "type": "card",
        },
        receipt_email=intent["receipt_email"],
        receipt_number=None,
        receipt_url=None,
        refunded=False,
        statement_descriptor=None,
        statement_descriptor_suffix=suffix,
        **fields,
    )


def _outcome(why: Refused | None) -> Thing:
    if why is None:
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    return {
        "advice_code": why.advice_code,
        "network_advice_code": None,
        "network_decline_code": why.network_decline_code,
        "network_status": "not_sent_to_network" if why.blocked else "declined_by_network",
        "reason": "highest_risk_level" if why.blocked else (why.decline_code or why.code),
        "risk_level": "highest" if why.blocked else "normal",
        "risk_score": 92 if why.blocked else 12,
        "seller_message": (
            "Stripe blocked this payment as too risky."
            if why.blocked
            else "The bank did not return any further details with this decline."
        ),
        "type": "blocked" if why.blocked else "issuer_declined",
    }
