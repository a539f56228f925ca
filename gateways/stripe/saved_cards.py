"""Cards that Stripe keeps for a customer's next payment: attached to one of its customers, and detached for
good.

Attaching and detaching are harmless to repeat. If Stripe refuses one, the card is looked up, and the customer
that it belongs to is the answer. A card that we took for not saved while a customer has it would stay
chargeable, and unknown to us, for good.
"""

from gateways.contract import CardDeleted, CardOnFile, SaveCardResult, Unknown
from gateways.secret import Secret
from gateways.stripe.answers import StripeFields, StripeRefusal, ask
from gateways.stripe.client import StripeSession
from gateways.stripe.intents import KEY, card_declined, declined_by_gateway

_GONE = "resource_missing"


def save(api: StripeSession, key: str, token: Secret, gateway_customer_id: str | None) -> SaveCardResult:
    """The card, with the customer that it belongs to afterwards: a repeat may come after Stripe has forgotten
    `key`, and find the card with the customer that was made before.
    """
    owner = gateway_customer_id or _new_customer(api, key)
    if isinstance(owner, StripeRefusal):
        return _not_attached(api, token, owner)
    if isinstance(owner, Unknown):
        return owner
    answer = ask(
        api,
        lambda v1, options: v1.payment_methods.attach(token.reveal(), {"customer": owner}, options),
    )
    if isinstance(answer, Unknown):
        return answer
    if isinstance(answer, StripeRefusal):
        return _not_attached(api, token, answer)
    return CardOnFile(owner, token) if answer.reference("customer") == owner else Unknown("no holder")


def forget(api: StripeSession, card: CardOnFile) -> CardDeleted | Unknown:
    """A card that was detached from its customer can never be used again, by anybody."""
    answer = ask(api, lambda v1, options: v1.payment_methods.detach(card.token.reveal(), {}, options))
    if isinstance(answer, StripeRefusal) and answer.nothing_done:
        if answer.code == _GONE:
            return CardDeleted()
        looked = _look(api, card.token)
        answer = answer if isinstance(looked, StripeRefusal) else looked
    if isinstance(answer, StripeRefusal):
        return answer.unknown()
    if isinstance(answer, Unknown):
        return answer
    if answer.secret("id") != card.token or not answer.is_none("customer"):
        return Unknown("Stripe still shows a holder")
    return CardDeleted()


def _new_customer(api: StripeSession, key: str) -> str | StripeRefusal | Unknown:
    answer = ask(
        api,
        lambda v1, options: v1.customers.create({"metadata": {KEY: key}}, options),
        key=f"{key}:customer",
    )
    if isinstance(answer, StripeRefusal | Unknown):
        return answer
    return answer.reference("id") or Unknown("Stripe's answer is not a customer that can be read")


def _not_attached(api: StripeSession, token: Secret, refused: StripeRefusal) -> SaveCardResult:
    """It may be attached already, by the payment itself or by an earlier request. Only a card that was looked
    up and has no customer is certainly not saved.
    """
    looked = _look(api, token)
    if isinstance(looked, StripeFields):
        owner = looked.reference("customer")
        if owner is not None:
            return CardOnFile(owner, token)
        if looked.secret("id") == token and looked.is_none("customer"):
            if refused.by_the_card:
                return card_declined(refused.error, None)
            if refused.nothing_done:
                return declined_by_gateway(refused)
    return refused.unknown()


def _look(api: StripeSession, token: Secret) -> StripeFields | StripeRefusal | Unknown:
    return ask(api, lambda v1, options: v1.payment_methods.retrieve(token.reveal(), {}, options))
