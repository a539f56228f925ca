"""The verbs of the bank, each from the fields of a request to an answer. No HTTP and no faults here.

A card number is seen in `_assessed` and nowhere after it. Each verb reads every field before it waits or
writes, so a malformed request leaves no trace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateways.sandbox.bank import cards, connector, fields
from gateways.sandbox.bank import saved_cards as kept
from gateways.sandbox.bank import tokens as vault
from gateways.sandbox.bank.cards import CardFacts
from gateways.sandbox.bank.dependencies import Premises
from gateways.sandbox.bank.links import Links, NewPage
from gateways.sandbox.bank.movements import Kind, Movement, State
from gateways.sandbox.bank.pages import Page
from gateways.sandbox.bank.processor import Order, Teller
from gateways.sandbox.bank.refusal import RefusedError

_STATUS = {State.DECLINED: HTTPStatus.PAYMENT_REQUIRED, State.PENDING: HTTPStatus.ACCEPTED}


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    body: Mapping[str, Any]


Verb = Callable[[Mapping[str, Any], float], Answer]
"""Takes the request's fields, and the seconds that the bank thinks before it decides."""


class Desk:
    """Where requests are read and answers written."""

    def __init__(self, premises: Premises, teller: Teller, links: Links) -> None:
        self._premises = premises
        self._teller = teller
        self._links = links

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Every verb by its path."""
        return {
            "/tokens": self._tokens,
            "/charges": self._charges,
            "/authorizations": self._authorizations,
            "/captures": self._captures,
            "/voids": self._voids,
            "/refunds": self._refunds,
            "/lookups": self._lookups,
            "/saved-cards": self._save_card,
            "/saved-cards/forgotten": self._forget_card,
            "/links": self._open_link,
            "/link-lookups": self._look_up_link,
            connector.PATH: self._connector,
        }

    def _tokens(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        key = fields.text(body, "key")
        facts = self._assessed(body)
        self._premises.sleep(delay_s)
        if isinstance(facts, str):
            return Answer(HTTPStatus.PAYMENT_REQUIRED, {"error": {"code": facts}})
        token = f"tok_{self._premises.ids.secret()}"
        card_id = self._premises.ids.new("card")
        with self._premises.ledger.writing() as tx:
            at = self._premises.now().isoformat()
            kept = vault.keep(tx, key=key, card_id=card_id, facts=facts, created_at=at)
            if kept is None:
                raise RefusedError("key_reused")
            vault.name(tx, kept, token)
        return Answer(
            HTTPStatus.CREATED, {"token": token, "brand": facts.brand, "last_four": facts.last_four}
        )

    def _connector(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        """A carrier's connector: it may ask again under the same name, and hears of the same card."""
        kept = self._tokens(connector.as_tokenization(body), delay_s)
        return Answer(HTTPStatus.OK, connector.answer(kept.status, kept.body))

    def _charges(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        gateway_customer_id = fields.optional_text(body, "holder") or None
        keep_card = "keep_card" in body and fields.flag(body, "keep_card")
        token = fields.text(body, "token")
        return self._taken(
            body,
            delay_s,
            Kind.CHARGE,
            token=token,
            keep_card=keep_card,
            gateway_customer_id=gateway_customer_id,
        )

    def _authorizations(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        return self._taken(body, delay_s, Kind.AUTHORIZATION, card=self._assessed(body))

    def _refunds(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        return self._taken(body, delay_s, Kind.REFUND, charge_id=fields.text(body, "charge"))

    def _captures(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        key, authorization = fields.text(body, "key"), fields.text(body, "authorization")
        amount_minor, currency = fields.whole(body, "amount_minor"), fields.currency(body)
        self._premises.sleep(delay_s)
        return _told(self._teller.capture(key, authorization, amount_minor, currency))

    def _voids(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        key, authorization = fields.text(body, "key"), fields.text(body, "authorization")
        self._premises.sleep(delay_s)
        return _told(self._teller.void(key, authorization))

    def _lookups(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        key, cancel = fields.text(body, "key"), fields.flag(body, "fence")
        self._premises.sleep(delay_s)
        found = self._teller.look_up(key, cancel=cancel)
        if found is None:
            return Answer(HTTPStatus.OK, {"state": "not_found", "key": key})
        return Answer(HTTPStatus.OK, _told(found).body)

    def _open_link(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        new = NewPage(
            key=fields.text(body, "key"),
            amount_minor=fields.whole(body, "amount_minor"),
            currency=fields.currency(body),
            description=fields.optional_text(body, "description"),
            metadata=fields.metadata(body),
            language=fields.text(body, "language"),
            done_url=fields.url(body, "done_url"),
            left_url=fields.url(body, "left_url"),
            expires_at=fields.moment(body, "expires_at"),
        )
        self._premises.sleep(delay_s)
        return _link_told(self._links.open(new))

    def _look_up_link(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        key, close = fields.text(body, "key"), fields.flag(body, "close")
        self._premises.sleep(delay_s)
        found = self._links.look_up(key, close=close)
        if found is None:
            return Answer(HTTPStatus.OK, {"state": "not_found", "key": key})
        if isinstance(found, Page):
            return _link_told(found)
        return Answer(HTTPStatus.OK, _told(found).body)

    def _save_card(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        key, token = fields.text(body, "key"), fields.text(body, "token")
        charge_id, gateway_customer_id = (
            fields.text(body, "charge"),
            fields.optional_text(body, "holder") or None,
        )
        self._premises.sleep(delay_s)
        new_holder = self._premises.ids.new("cus")
        try:
            with self._premises.ledger.writing() as tx:
                whose = kept.save(
                    tx,
                    key,
                    token,
                    charge_id=charge_id,
                    gateway_customer_id=gateway_customer_id,
                    new_holder=new_holder,
                )
        except kept.NotKeptError as refused:
            return Answer(HTTPStatus.PAYMENT_REQUIRED, {"error": {"code": refused.code}})
        return Answer(HTTPStatus.CREATED, {"holder": whose})

    def _forget_card(self, body: Mapping[str, Any], delay_s: float) -> Answer:
        token, gateway_customer_id = fields.text(body, "token"), fields.text(body, "holder")
        self._premises.sleep(delay_s)
        with self._premises.ledger.writing() as tx:
            kept.forget(tx, token, gateway_customer_id)
        return Answer(HTTPStatus.OK, {"state": "forgotten"})

    def _taken(
        self,
        body: Mapping[str, Any],
        delay_s: float,
        kind: Kind,
        *,
        token: str | None = None,
        card: CardFacts | str | None = None,
        charge_id: str | None = None,
        keep_card: bool = False,
        gateway_customer_id: str | None = None,
    ) -> Answer:
        order = Order(
            kind=kind,
            key=fields.text(body, "key"),
            amount_minor=fields.whole(body, "amount_minor"),
            currency=fields.currency(body),
            description=fields.optional_text(body, "description"),
            metadata=fields.metadata(body),
            token=token,
            card=card,
            charge_id=charge_id,
            keep_card=keep_card,
            gateway_customer_id=gateway_customer_id,
        )
        return _told(self._teller.take(order, delay_s=delay_s))

    def _assessed(self, body: Mapping[str, Any]) -> CardFacts | str:
        """What the keyed card stands for: the last that is seen of its number and code."""
        card = fields.document(body.get("card"))
        return cards.assess(
            fields.text(card, "number"),
            fields.text(card, "code"),
            expiry_month=fields.whole(card, "expiry_month"),
            expiry_year=fields.whole(card, "expiry_year"),
            today=self._premises.now(),
        )


def _told(movement: Movement) -> Answer:
    body = {
        "key": movement.key,
        "id": movement.id,
        "kind": movement.kind,
        "state": movement.state,
        "amount_minor": movement.amount_minor,
        "currency": movement.currency,
        "code": movement.code if movement.state is State.DECLINED else None,
        "authorisation_code": movement.authorisation_code,
        "brand": movement.brand,
        "last_four": movement.last_four,
    }
    return Answer(_STATUS.get(movement.state, HTTPStatus.OK), body)


def _link_told(page: Page) -> Answer:
    return Answer(HTTPStatus.OK, {"key": page.key, "id": page.id, "state": page.state})
