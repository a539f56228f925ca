"""Saved cards, and what their holders agreed to."""

from ivr.payments.saved_cards.store import CardState
from ivr.web.api.schemas.terms import MOMENT, Schema, answer, array, or_null, ref, request, text

SCHEMAS: dict[str, Schema] = {
    "CardSearch": request(
        {"phone": text("The customer's number.")},
        required=("phone",),
        examples=[{"phone": "+34600123456"}],
    ),
    "SavedCard": answer(
        {
            "id": text("It never changes."),
            "phone": text("E.164."),
            "state": text(
                "agreed: the gateway is being asked to keep it. kept: it may be offered and charged. "
                "forgetting: it is being deleted at the gateway. forgotten: it is deleted.",
                enum=[*CardState],
            ),
            "gateway": text(),
            "brand": text(),
            "last_four": text(pattern="^[0-9]{4}$"),
            "expiry_month": {"type": "integer", "minimum": 1, "maximum": 12},
            "expiry_year": {"type": "integer", "minimum": 2000, "maximum": 9999},
            "consent": ref("Consent"),
            "kept_at": or_null(MOMENT),
            "deleted_by": or_null(text("Who wanted it deleted, or why it was.")),
            "deletion_asked_at": or_null(MOMENT),
            "deleted_at": or_null({**MOMENT, "description": "When it was deleted at the gateway."}),
        }
    ),
    "Consent": answer(
        {
            "wording": text("Word by word as the customer heard it."),
            "language": text("ISO 639-1."),
            "prompt": text("Which sentence it was: flow and prompt."),
            "release": text("Of this server, at that time."),
            "at": MOMENT,
            "call_id": text(),
        }
    ),
    "SavedCards": answer({"cards": array(ref("SavedCard"))}),
}
