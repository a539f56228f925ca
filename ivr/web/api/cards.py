"""`/api/v1/cards`: the cards that a customer agreed to have kept, what they agreed to, and deleting one.

A phone number is asked for in a body: an address ends in logs. Nothing that could charge a card ever leaves.
"""

from dataclasses import dataclass

import flask
import sqlalchemy as sa
import structlog

from ivr.payments.saved_cards import store as card_records
from ivr.payments.saved_cards.service import SavedCardService
from ivr.payments.saved_cards.store import CardState, NoSuchCardError
from ivr.platform.database.engine import reading
from ivr.platform.phone_numbers import Ambiguous, PhoneNumber, read
from ivr.web.api.documents.cards import SavedCardDocument, SavedCardsDocument, saved_card_document
from ivr.web.api.documents.requests import CardSearchDocument
from ivr.web.api.keys import ApiKey
from ivr.web.api.problem import Problem, missing
from ivr.web.api.request import json_object

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CardRoutes:
    """What a program may do with saved cards."""

    engine: sa.Engine
    cards: SavedCardService
    home_country: str

    def search(self) -> tuple[SavedCardsDocument, int]:
        """A customer's cards, the newest first; those that are forgotten are left out."""
        given = json_object(CardSearchDocument).get("phone")
        number = read(given, self.home_country) if isinstance(given, str) else None
        if isinstance(number, Ambiguous):
            raise Problem(422, "invalid", f"phone {number.sentence}.", field="phone")
        if not isinstance(number, PhoneNumber):
            raise Problem(422, "invalid", "phone must be a number, like +34600123456.", field="phone")
        with reading(self.engine) as tx:
            found = card_records.of_phone(tx, number.dial)
        return {"cards": [saved_card_document(one) for one in found]}, 200

    def show(self, card_id: str) -> tuple[SavedCardDocument, int]:
        """One card, also a forgotten one: its consent stays."""
        try:
            with reading(self.engine) as tx:
                return saved_card_document(card_records.get(tx, card_id)), 200
        except NoSuchCardError:
            raise missing("card with this id") from None

    def delete(self, card_id: str) -> tuple[SavedCardDocument, int]:
        """From now on it is neither offered nor charged. 202 until the gateway is certain, then 200."""
        asker: ApiKey = flask.g.api_key
        try:
            with self.engine.begin() as tx:
                card = self.cards.forget(tx, card_id, by=f"api: {asker.name}")
        except NoSuchCardError:
            raise missing("card with this id") from None
        log.info("card_deletion_asked", card_id=card_id, api_key_id=asker.id)
        return saved_card_document(card), 200 if card.state is CardState.FORGOTTEN else 202
