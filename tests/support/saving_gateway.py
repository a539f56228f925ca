"""A truthful bank that keeps cards, and a payer who agreed to it: for tests of saving and forgetting.

Saves and forgettings meet the same fates as charges do. A save that is repeated in other words is not
understood, as by a gateway that remembers its keys.
"""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from gateways.capability import Capabilities
from gateways.contract import (
    CardDeleted,
    CardOnFile,
    ChargeRequest,
    Declined,
    Order,
    Prepared,
    Result,
    SaveCardResult,
    Unknown,
)
from gateways.declines import Decline
from gateways.secret import Secret
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.payments.attempts import store as records
from ivr.payments.attempts.states import State
from ivr.payments.saved_cards import store as card_records
from ivr.payments.saved_cards.service import Agreement
from ivr.payments.saved_cards.store import Consent
from tests.support import schema
from tests.support.fake_gateway import CAN_REFUND, FakeGateway, Fate
from tests.support.payment_services import PaymentServices

PHONE = "+34600111222"
KEEPS = replace(CAN_REFUND, saves_cards=True)
LOSING = [Fate.LOST_REPLY, Fate.LATE, Fate.NEVER_ARRIVES, Fate.BUG]
KILLING = [Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.KILLED_LATE]


class SavingGateway(FakeGateway):
    """`saved` is what it keeps: token -> holder."""

    def __init__(self, capabilities: Capabilities = KEEPS, *, name: str = "bank") -> None:
        super().__init__(capabilities, name=name)
        self.saved: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.refuses_to_keep = False
        self.agreed: set[str] = set()
        """Tokens that were charged with `keep_card`."""
        self.holders: list[str | None] = []
        """As charges, and preparations, named them."""
        self._words: dict[str, tuple[str, str, str | None]] = {}

    def prepare(
        self, order: Order, *, gateway_customer_id: str | None = None
    ) -> Prepared | Declined | Unknown:
        self.holders.append(gateway_customer_id)
        return Prepared(f"ref_{order.key}")

    def charge(self, charge: ChargeRequest) -> Result:
        token = charge.token.reveal()
        self.holders.append(charge.gateway_customer_id)
        if charge.gateway_customer_id is not None and (
            token in self.forgotten or self.saved.get(token) != charge.gateway_customer_id
        ):
            self.declined[charge.order.key] = Declined(Decline.GENERIC, "no_such_card")
        if charge.keep_card:
            self.agreed.add(token)
        return super().charge(charge)

    def save_card(
        self, key: str, token: Secret, *, charge_reference: str, gateway_customer_id: str | None
    ) -> SaveCardResult:
        def arrive() -> Any:
            words = (token.reveal(), charge_reference, gateway_customer_id)
            if self._words.setdefault(key, words) != words:
                return Unknown("this key was used with other words")
            if self.refuses_to_keep or token.reveal() not in self.agreed or token.reveal() in self.forgotten:
                return Declined(Decline.GENERIC, "not_to_be_kept")
            whose = self.saved.setdefault(token.reveal(), gateway_customer_id or f"cus_{key}")
            return CardOnFile(whose, token)

        return self._request("save_card", key, arrive)  # type: ignore[return-value]

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:
        def arrive() -> Any:
            self.saved.pop(card.token.reveal(), None)
            self.forgotten.add(card.token.reveal())
            return CardDeleted()

        return self._request("forget_card", card.token.reveal(), arrive)  # type: ignore[return-value]

    def asked(self, verb: str) -> int:
        """How often it was asked for that."""
        return sum(one == verb for one, _ in self.sent)


class AttachingGateway(SavingGateway):
    """Forgets for good only what somebody has, as Stripe detaches only what is attached: a card that is
    nobody's stays one that can be kept.
    """

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:
        def arrive() -> Any:
            if self.saved.pop(card.token.reveal(), None) is not None:
                self.forgotten.add(card.token.reveal())
            return CardDeleted()

        return self._request("forget_card", card.token.reveal(), arrive)  # type: ignore[return-value]


def agree(
    services: PaymentServices,
    token: str = "tok_good",
    *,
    phone: str = PHONE,
    last_four: str = "4242",
    expiry: tuple[int, int] = (9, 2031),
) -> str:
    """A payer confirms a payment, and that the card is kept; the attempt's id."""
    call_id = services.begin_call()
    attempt_id = services.make(services.add_bill(), call_id=call_id)
    assert attempt_id is not None
    consent = Consent(
        "To pay and keep this card, 3.", "en", "pay_bill:keep.branded", "0.1.0", services.clock.now()
    )
    with services.engine.begin() as tx:
        services.attempts.attach_card(tx, attempt_id, "visa", last_four, token=token)
        agreement = Agreement(phone, "visa", last_four, *expiry, call_id, consent)
        services.payments.saved_cards.agree(tx, records.get(tx, attempt_id), agreement)
        services.attempts.ask_charge(tx, attempt_id)
    return attempt_id


def charged(services: PaymentServices) -> str:
    """An attempt that was approved, whose card is to be saved and is not yet."""
    attempt_id = agree(services)
    services.run(services.work.one(CHARGE_ATTEMPT))
    assert services.state(attempt_id) is State.APPROVED
    return attempt_id


def card_events(services: PaymentServices) -> list[str]:
    """The events about cards."""
    kinds = sa.select(schema.timeline.c.kind).where(schema.timeline.c.kind.like("card%"))
    with services.engine.begin() as tx:
        return list(tx.execute(kinds.order_by(schema.timeline.c.id)).scalars())


def card_of(services: PaymentServices, attempt_id: str) -> card_records.SavedCard | None:
    with services.engine.begin() as tx:
        return card_records.of_attempt(tx, attempt_id)


def kept(services: PaymentServices, token: str = "tok_good", **more: Any) -> card_records.SavedCard:
    """A card that the bank keeps."""
    attempt_id = agree(services, token, **more)
    services.run_due()
    card = card_of(services, attempt_id)
    assert card is not None
    assert card.state == "kept"
    return card


def offered(
    services: PaymentServices, *, phone: str = PHONE, call_id: str = "call_none", gateway: str = "bank"
) -> str | None:
    """The id of the card that a caller would be offered now."""
    with services.engine.begin() as tx:
        card = card_records.to_offer(tx, phone, gateway, call_id=call_id, now=services.clock.now())
    return None if card is None else card.id


def forget(services: PaymentServices, card_id: str, by: str = "api: a test") -> card_records.SavedCard:
    with services.engine.begin() as tx:
        return services.payments.saved_cards.forget(tx, card_id, by=by)


def pay_by(services: PaymentServices, card: card_records.SavedCard) -> str:
    """A payer confirms a payment by a saved card; the attempt's id."""
    attempt_id = services.make(services.add_bill(), call_id=services.begin_call())
    assert attempt_id is not None
    assert card.token is not None
    with services.engine.begin() as tx:
        services.attempts.attach_card(
            tx, attempt_id, card.brand, card.last_four,
            token=card.token.reveal(), saved_card_id=card.id, gateway_customer_id=card.gateway_customer_id,
        )  # fmt: skip
        services.attempts.ask_charge(tx, attempt_id)
    return attempt_id
