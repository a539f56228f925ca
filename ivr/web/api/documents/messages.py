"""Texts that wait for the operator."""

from typing import Annotated, Literal, TypedDict

from ivr.messaging.resend import Held
from ivr.platform.clock import rfc3339
from ivr.web.api.documents.fields import Keywords, Moment, moment


class HeldMessageDocument(TypedDict):
    id: str
    purpose: Annotated[str, Keywords(enum=["receipt", "link"])]
    payment: Annotated[str, "The payment's reference."]
    error_code: Annotated[str | None, "The carrier's."]
    created_at: Moment
    tried_at: Moment | None


class HeldMessagesDocument(TypedDict):
    messages: list[HeldMessageDocument]


class ResentDocument(TypedDict):
    id: str
    outcome: Literal["queued"]


def held_message_document(held: Held) -> HeldMessageDocument:
    return {
        "id": held.id,
        "purpose": held.purpose,
        "payment": held.payment,
        "error_code": held.error_code,
        "created_at": rfc3339(held.created_at),
        "tried_at": moment(held.tried_at),
    }
