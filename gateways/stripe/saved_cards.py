"""Cards that Stripe keeps for a customer's next payment: attached to one of its customers, and detached for
good.

May import `gateways.contract`, `saved_cards` and the files beside it. Attaching and detaching are harmless
to repeat, and what Stripe refuses of them is settled by looking at the card: whose it is, is the answer.
"""

from gateways.contract import CardSaving, Declined, Unknown
from gateways.saved_cards import Forgotten, SavedCard
from gateways.secret import Secret
from gateways.stripe.answers import Refused, Told, asked
from gateways.stripe.client import Visit
from gateways.stripe.intents import KEY, card_declined, refusal

_GONE = "resource_missing"


def save(visit: Visit, key: str, token: Secret, holder: str | None) -> CardSaving:
    owner = holder or _new_customer(visit, key)
    if not isinstance(owner, str):
        return owner
    answer = asked(
        visit,
        lambda v1, options: v1.payment_methods.attach(token.reveal(), {"customer": owner}, options),
    )
    if isinstance(answer, Unknown):
        return answer
    if isinstance(answer, Refused):
        if answer.by_the_card:
            return card_declined(answer.error, None)
        return _not_attached(visit, token, owner, answer)
    return SavedCard(owner, token) if answer.reference("customer") == owner else Unknown("no holder")


def forget(visit: Visit, card: SavedCard) -> Forgotten | Unknown:
    """A card that a customer of Stripe's has no more can never be used again, by anybody."""
    answer = asked(visit, lambda v1, options: v1.payment_methods.detach(card.token.reveal(), {}, options))
    if isinstance(answer, Refused) and answer.nothing_done:
        if answer.code == _GONE:
            return Forgotten()
        looked = _look(visit, card.token)
        answer = answer if isinstance(looked, Refused) else looked
    if isinstance(answer, Refused):
        return answer.unknown()
    if isinstance(answer, Unknown):
        return answer
    if answer.secret("id") != card.token or not answer.is_none("customer"):
        return Unknown("Stripe still shows a holder")
    return Forgotten()


def _new_customer(visit: Visit, key: str) -> str | Declined | Unknown:
    answer = asked(
        visit,
        lambda v1, options: v1.customers.create({"metadata": {KEY: key}}, options),
        key=f"{key}:customer",
    )
    if isinstance(answer, Refused):
        return refusal(answer) if answer.nothing_done else answer.unknown()
    if isinstance(answer, Unknown):
        return answer
    return answer.reference("id") or Unknown("Stripe's answer is no customer that we understand")


def _not_attached(visit: Visit, token: Secret, owner: str, refused: Refused) -> CardSaving:
    """It may be attached already, by the payment itself or by the request before this one."""
    looked = _look(visit, token)
    if isinstance(looked, Told) and looked.reference("customer") == owner:
        return SavedCard(owner, token)
    return refusal(refused) if refused.nothing_done else refused.unknown()


def _look(visit: Visit, token: Secret) -> Told | Refused | Unknown:
    return asked(visit, lambda v1, options: v1.payment_methods.retrieve(token.reveal(), {}, options))
