"""The verbs of the bank, each from the fields of a request to an answer. No HTTP and no faults here.

A card number is seen in `_assessed` and nowhere after it. Each verb reads every field before it waits or
writes, so a malformed request leaves no trace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateways.sandbox.bank import cards, connector, fields, tokens
from gateways.sandbox.bank.cards import TestCard
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.links import BankLinks, NewPage, PaymentPage
from gateways.sandbox.bank.movements import Movement, MovementKind, MovementState, RefusedError
from gateways.sandbox.bank.processor import MovementRequest, Processor

_STATUS = {MovementState.DECLINED: HTTPStatus.PAYMENT_REQUIRED, MovementState.PENDING: HTTPStatus.ACCEPTED}


@dataclass(frozen=True, slots=True)
class BankResponse:
    status: HTTPStatus
    body: Mapping[str, Any]


Operation = Callable[[Mapping[str, Any], float], BankResponse]
"""Takes the request's fields, and the seconds that the bank thinks before it decides."""


@dataclass(frozen=True, slots=True)
class Operations:
    """Where requests are read and answers written."""

    dependencies: BankDependencies
    processor: Processor
    links: BankLinks

    @property
    def verbs(self) -> Mapping[str, Operation]:
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

    def _tokens(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        key = fields.text(body, "key")
        facts = self._assessed(body)
        self.dependencies.sleep(delay_s)
        if isinstance(facts, str):
            return BankResponse(HTTPStatus.PAYMENT_REQUIRED, {"error": {"code": facts}})
        token = f"tok_{self.dependencies.ids.secret()}"
        card_id = self.dependencies.ids.new("card")
        with self.dependencies.ledger.writing() as tx:
            at = self.dependencies.now().isoformat()
            kept = tokens.keep(tx, key=key, card_id=card_id, facts=facts, created_at=at)
            if kept is None:
                raise RefusedError("key_reused")
            tokens.name(tx, kept, token)
        return BankResponse(
            HTTPStatus.CREATED, {"token": token, "brand": facts.brand, "last_four": facts.last_four}
        )

    def _connector(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        """A carrier's connector: it may ask again under the same name, and hears of the same card."""
        kept = self._tokens(connector.as_tokenization(body), delay_s)
        return BankResponse(HTTPStatus.OK, connector.answer(kept.status, kept.body))

    def _charges(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        gateway_customer_id = fields.optional_text(body, "holder") or None
        keep_card = "keep_card" in body and fields.flag(body, "keep_card")
        token = fields.text(body, "token")
        return self._taken(
            body,
            delay_s,
            MovementKind.CHARGE,
            token=token,
            keep_card=keep_card,
            gateway_customer_id=gateway_customer_id,
        )

    def _authorizations(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        return self._taken(body, delay_s, MovementKind.AUTHORIZATION, card=self._assessed(body))

    def _refunds(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        return self._taken(body, delay_s, MovementKind.REFUND, charge_id=fields.text(body, "charge"))

    def _captures(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        key, authorization = fields.text(body, "key"), fields.text(body, "authorization")
        amount_minor, currency = fields.whole(body, "amount_minor"), fields.currency(body)
        self.dependencies.sleep(delay_s)
        return _told(self.processor.capture(key, authorization, amount_minor, currency))

    def _voids(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        key, authorization = fields.text(body, "key"), fields.text(body, "authorization")
        self.dependencies.sleep(delay_s)
        return _told(self.processor.void(key, authorization))

    def _lookups(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        key, cancel = fields.text(body, "key"), fields.flag(body, "fence")
        self.dependencies.sleep(delay_s)
        found = self.processor.look_up(key, cancel=cancel)
        if found is None:
            return BankResponse(HTTPStatus.OK, {"state": "not_found", "key": key})
        return BankResponse(HTTPStatus.OK, _told(found).body)

    def _open_link(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
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
        self.dependencies.sleep(delay_s)
        return _link_told(self.links.open(new))

    def _look_up_link(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        key, close = fields.text(body, "key"), fields.flag(body, "close")
        self.dependencies.sleep(delay_s)
        found = self.links.look_up(key, close=close)
        if found is None:
            return BankResponse(HTTPStatus.OK, {"state": "not_found", "key": key})
        if isinstance(found, PaymentPage):
            return _link_told(found)
        return BankResponse(HTTPStatus.OK, _told(found).body)

    def _save_card(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        key, token = fields.text(body, "key"), fields.text(body, "token")
        charge_id, gateway_customer_id = (
            fields.text(body, "charge"),
            fields.optional_text(body, "holder") or None,
        )
        self.dependencies.sleep(delay_s)
        new_holder = self.dependencies.ids.new("cus")
        try:
            with self.dependencies.ledger.writing() as tx:
                whose = tokens.save(
                    tx,
                    key,
                    token,
                    charge_id=charge_id,
                    gateway_customer_id=gateway_customer_id,
                    new_holder=new_holder,
                )
        except tokens.NotSavedError as refused:
            return BankResponse(HTTPStatus.PAYMENT_REQUIRED, {"error": {"code": refused.code}})
        return BankResponse(HTTPStatus.CREATED, {"holder": whose})

    def _forget_card(self, body: Mapping[str, Any], delay_s: float) -> BankResponse:
        token, gateway_customer_id = fields.text(body, "token"), fields.text(body, "holder")
        self.dependencies.sleep(delay_s)
        with self.dependencies.ledger.writing() as tx:
            tokens.forget(tx, token, gateway_customer_id)
        return BankResponse(HTTPStatus.OK, {"state": "forgotten"})

    def _taken(
        self,
        body: Mapping[str, Any],
        delay_s: float,
        kind: MovementKind,
        *,
        token: str | None = None,
        card: TestCard | str | None = None,
        charge_id: str | None = None,
        keep_card: bool = False,
        gateway_customer_id: str | None = None,
    ) -> BankResponse:
        order = MovementRequest(
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
        return _told(self.processor.take(order, delay_s=delay_s))

    def _assessed(self, body: Mapping[str, Any]) -> TestCard | str:
        """What the keyed card stands for: the last that is seen of its number and code."""
        card = fields.document(body.get("card"))
        return cards.assess(
            fields.text(card, "number"),
            fields.text(card, "code"),
            expiry_month=fields.whole(card, "expiry_month"),
            expiry_year=fields.whole(card, "expiry_year"),
            today=self.dependencies.now(),
        )


def _told(movement: Movement) -> BankResponse:
    body = {
        "key": movement.key,
        "id": movement.id,
        "kind": movement.kind,
        "state": movement.state,
        "amount_minor": movement.amount_minor,
        "currency": movement.currency,
        "code": movement.code if movement.state is MovementState.DECLINED else None,
        "authorisation_code": movement.authorisation_code,
        "brand": movement.brand,
        "last_four": movement.last_four,
    }
    return BankResponse(_STATUS.get(movement.state, HTTPStatus.OK), body)


def _link_told(page: PaymentPage) -> BankResponse:
    return BankResponse(HTTPStatus.OK, {"key": page.key, "id": page.id, "state": page.state})
