"""Saved cards, and what their holders agreed to."""

from typing import Annotated, TypedDict

from ivr.payments.saved_cards.store import CardState, SavedCard
from ivr.platform.clock import rfc3339
from ivr.web.api.documents.fields import Keywords, LastFour, Moment, moment


class ConsentDocument(TypedDict):
    wording: Annotated[str, "Word by word as the customer heard it."]
    language: Annotated[str, "ISO 639-1."]
    prompt: Annotated[str, "Which sentence it was: flow and prompt."]
    release: Annotated[str, "Of this server, at that time."]
    at: Moment
    call_id: str


class SavedCardDocument(TypedDict):
    id: Annotated[str, "It never changes."]
    phone: Annotated[str, "E.164."]
    state: Annotated[
        CardState,
        "agreed: the gateway is being asked to keep it. kept: it may be offered and charged. "
        "forgetting: it is being deleted at the gateway. forgotten: it is deleted.",
    ]
    gateway: str
    brand: str
    last_four: LastFour
    expiry_month: Annotated[int, Keywords(minimum=1, maximum=12)]
    expiry_year: Annotated[int, Keywords(minimum=2000, maximum=9999)]
    consent: ConsentDocument
    kept_at: Moment | None
    deleted_by: Annotated[str | None, "Who wanted it deleted, or why it was."]
    deletion_asked_at: Moment | None
    deleted_at: Annotated[Moment | None, "When it was deleted at the gateway."]


class SavedCardsDocument(TypedDict):
    cards: list[SavedCardDocument]


def saved_card_document(card: SavedCard) -> SavedCardDocument:
    """Without the token and the customer's id at the gateway: these charge the card."""
    return {
        "id": card.id,
        "phone": card.phone,
        "state": card.state,
        "gateway": card.gateway,
        "brand": card.brand,
        "last_four": card.last_four,
        "expiry_month": card.expiry_month,
        "expiry_year": card.expiry_year,
        "consent": {
            "wording": card.consent.wording,
            "language": card.consent.language,
            "prompt": card.consent.prompt,
            "release": card.consent.release,
            "at": rfc3339(card.consent.at),
            "call_id": card.call_id,
        },
        "kept_at": moment(card.kept_at),
        "deleted_by": card.forgotten_by,
        "deletion_asked_at": moment(card.forget_asked_at),
        "deleted_at": moment(card.forgotten_at),
    }
