"""A payment at Stripe: how its PaymentIntent is made, confirmed, looked at and cancelled.

The intent is made under the order's key from the order alone, so that any process that names the order again
gets the same one; it is confirmed under another key; and what is in doubt is settled by cancelling it, which
only Stripe's own word "canceled" proves.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from stripe.params import PaymentIntentCreateParams

from gateways.contract import CardShown, Declined, Order, Unknown
from gateways.declines import Decline
from gateways.secret import Secret
from gateways.stripe.answers import StripeFields, StripeRefusal, ask, ask_plainly
from gateways.stripe.client import StripeSession
from gateways.stripe.declines import SEEN_BEFORE, normalised

KEY = "paybycall_key"
"""Our attempt's id in the metadata of what is Stripe's."""
CaptureMethod = Literal["automatic", "manual"]

_VALUE_MAX = 500
_FIELDS_MAX = 49
_NAME_MAX = 40
_DESCRIPTION_MAX = 1000
_SUFFIX_MAX = 10
_NOT_ON_A_STATEMENT = re.compile(r"[^A-Za-z0-9 .,&/+-]")
_PARAM = re.compile(r"[a-z0-9_\[\]]{1,80}")
_LETTER = re.compile(r"[A-Za-z]")
_WITH_CHARGE = ["latest_charge"]


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent, as far as it is understood."""

    reference: str
    state: str
    key: str | None
    """Our attempt, by its metadata."""
    amount_minor: int
    currency: str
    taken_minor: int
    held_minor: int
    declined: Declined | None
    """What the last card was refused for."""
    authorisation_code: str | None
    replayed: bool
    """Whether this is how it once stood, told again."""

    def is_of(self, order: Order) -> bool:
        ours = (order.key, order.amount_minor, order.currency)
        return (self.key, self.amount_minor, self.currency) == ours

    def unclear(self) -> Unknown:
        return Unknown(f"Stripe says {self.state}")


def intent_of(told: StripeFields) -> Intent | Unknown:
    """The intent that an answer tells; Unknown where a field is missing that money hangs on."""
    reference, state = told.reference("id"), told.code("status")
    amount, currency = told.whole("amount"), told.code("currency")
    if reference is None or not reference.startswith("pi_") or state is None:
        return Unknown("Stripe's answer is not a payment that can be read")
    if amount is None or currency is None:
        return Unknown(f"Stripe says {state} without an amount")
    return Intent(
        reference=reference,
        state=state,
        key=told.text("metadata", KEY),
        amount_minor=amount,
        currency=currency.upper(),
        taken_minor=told.whole("amount_received") or 0,
        held_minor=told.whole("amount_capturable") or 0,
        declined=_declined(told.part("last_payment_error"), reference),
        authorisation_code=authorisation_code(told),
        replayed=told.replayed,
    )


def create_intent(
    api: StripeSession, order: Order, capture: CaptureMethod
) -> Intent | StripeRefusal | Unknown:
    """The order's intent, unconfirmed: the one that there is under its key, or a new one."""
    wanted: PaymentIntentCreateParams = {
        "amount": order.amount_minor,
        "currency": order.currency.lower(),
        "allowed_payment_method_types": ["card"],
        "capture_method": capture,
        "description": description(order),
        "metadata": metadata(order),
    }
    if suffix := suffixed(order):
        wanted["statement_descriptor_suffix"] = suffix
    answer = ask(
        api,
        lambda v1, options: v1.payment_intents.create(wanted, options),
        key=f"{order.key}:create",
    )
    return intent_of(answer) if isinstance(answer, StripeFields) else answer


def confirm_intent(
    api: StripeSession, key: str, reference: str, token: Secret, *, moto: bool, keep: bool = False
) -> Intent | Declined | Unknown:
    """The one request that can charge or hold. Declined only where Stripe shows that it cannot any more."""
    answer = ask(
        api,
        lambda v1, options: v1.payment_intents.confirm(
            reference,
            {
                "payment_method": token.reveal(),
                "error_on_requires_action": True,
                "expand": _WITH_CHARGE,
                **({"payment_method_options": {"card": {"moto": True}}} if moto else {}),
                **({"setup_future_usage": "off_session"} if keep else {}),
            },
            options,
        ),
        key=f"{key}:confirm",
    )
    if isinstance(answer, StripeFields):
        found = intent_of(answer)
        if isinstance(found, Intent) and found.replayed:
            return retrieve_intent(api, found.reference)
        return found
    if isinstance(answer, StripeRefusal):
        return _not_confirmed(api, reference, answer)
    return answer


def retrieve_intent(api: StripeSession, reference: str) -> Intent | Unknown:
    """How the intent stands now."""
    answer = ask_plainly(
        api,
        lambda v1, options: v1.payment_intents.retrieve(reference, {"expand": _WITH_CHARGE}, options),
    )
    return intent_of(answer) if isinstance(answer, StripeFields) else answer


def cancel_intent(api: StripeSession, reference: str) -> Intent | Unknown:
    """How the intent stands once Stripe was told to cancel it: canceled, or what kept it from that.

    Under no key of ours: a cancel is harmless to repeat, and a stored refusal would be told for a day.
    """
    answer = ask(
        api,
        lambda v1, options: v1.payment_intents.cancel(reference, {"expand": _WITH_CHARGE}, options),
    )
    if isinstance(answer, StripeRefusal):
        return refused_as_it_stands(answer, reference)
    return intent_of(answer) if isinstance(answer, StripeFields) else answer


def refused_as_it_stands(refused: StripeRefusal, reference: str) -> Intent | Unknown:
    """The intent that a refusal shows, because its state is the reason."""
    shown = refused.error.part("payment_intent")
    if shown is None or refused.code != "payment_intent_unexpected_state":
        return refused.unknown()
    found = intent_of(shown)
    if isinstance(found, Intent) and found.reference != reference:
        return refused.unknown()
    return found


def declined_by_gateway(refused: StripeRefusal, reference: str | None = None) -> Declined:
    """For what did nothing for certain: the card's fault where the code says so, else our settings'."""
    _tell_operator(refused)
    return Declined(normalised(refused.said, Decline.CONFIG_ERROR), refused.said, reference)


def _tell_operator(refused: StripeRefusal) -> None:
    param = refused.error.text("param") or ""
    moto = ": ask Stripe to enable the account for telephone orders (MOTO), or set STRIPE_MOTO=no"
    _log.error(
        "Stripe refused what we sent (HTTP %s, %s%s)%s",
        refused.status,
        refused.said,
        f", {param}" if _PARAM.fullmatch(param) else "",
        moto if "[moto]" in param else refused.advice,
    )


def card_declined(error: StripeFields, reference: str | None) -> Declined:
    """What the issuer, or Stripe for it, says of the card."""
    code = error.code("decline_code") or error.code("code") or "card_error"
    return Declined(normalised(code), code, reference)


def metadata(order: Order) -> dict[str, str]:
    """Our references, cut to what Stripe takes."""
    ours = [(name[:_NAME_MAX], value[:_VALUE_MAX]) for name, value in order.metadata.items() if value]
    return {**dict(ours[:_FIELDS_MAX]), KEY: order.key}


def description(order: Order) -> str:
    return order.description[:_DESCRIPTION_MAX] or order.key


def suffixed(order: Order) -> str:
    """What stands on the card's statement behind the account's prefix; empty: nothing. With the
    longest prefix, 10 of 22 characters are left; it has a letter, and plain letters, digits and signs alone.
    What is too long keeps its last word, which is the reference: "B 12345678".
    """
    letters = unicodedata.normalize("NFKD", order.statement).encode("ascii", "ignore").decode()
    words = _NOT_ON_A_STATEMENT.sub(" ", letters).split()
    plain = " ".join(words)
    if len(plain) > _SUFFIX_MAX and len(words) > 1:
        room = max(_SUFFIX_MAX - len(words[-1]) - 1, 1)
        plain = f"{words[0][:room]} {words[-1]}"
    plain = plain[:_SUFFIX_MAX].strip()
    return plain if _LETTER.search(plain) else ""


def _not_confirmed(api: StripeSession, reference: str, refused: StripeRefusal) -> Declined | Unknown:
    if refused.by_the_card:
        shown = refused.error.part("payment_intent")
        declined = card_declined(refused.error, reference)
        sure = shown is not None and shown.reference("id") == reference
        if sure and shown is not None and shown.code("status") == "requires_payment_method":
            return Unknown("seen before") if declined.gateway_code in SEEN_BEFORE else declined
        return refused.unknown()
    if not refused.nothing_done:
        return refused.unknown()
    gone = cancel_intent(api, reference)
    if isinstance(gone, Intent) and gone.state == "canceled":
        return declined_by_gateway(refused, reference)
    _tell_operator(refused)
    return refused.unknown()


def _declined(error: StripeFields | None, reference: str) -> Declined | None:
    if error is None or error.code("type") != "card_error":
        return None
    declined = card_declined(error, reference)
    return None if declined.gateway_code in SEEN_BEFORE else declined


def authorisation_code(told: StripeFields, *path: str) -> str | None:
    """The issuer's, of a payment whose charge is expanded."""
    code = told.text(*path, "latest_charge", "payment_method_details", "card", "authorization_code")
    return code if code is not None and re.fullmatch(r"[0-9A-Za-z]{1,12}", code) else None


def card_shown(told: StripeFields, *path: str) -> CardShown | None:
    """The card that paid, of a payment whose charge is expanded."""
    card = told.part(*path, "latest_charge", "payment_method_details", "card")
    brand = None if card is None else card.code("brand")
    last_four = None if card is None else card.text("last4")
    if brand is None or last_four is None or not re.fullmatch(r"[0-9]{4}", last_four):
        return None
    return CardShown(brand, last_four)
