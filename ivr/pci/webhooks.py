"""The doors at which the carrier knocks: the turns of a card entry, and the fallback.

Each request's signature, account and call are checked here, whatever checked them before. What is wrong with
a request gets 403 or 400; what is wrong with us is told to the caller kindly and never becomes a 500. Nothing
of the request is logged but the call's id.
"""

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import Forbidden

from ivr.carriers.twilio import signed_request as carrier_request
from ivr.pci.conversation import Form, NotBoundError
from ivr.pci.dependencies import Room
from ivr.pci.log_context import of_entry
from ivr.pci.safe_logging import tell

log = structlog.get_logger()


def carrier_doors(room: Room) -> Blueprint:
    """`/pci/e/<entry>/t/<turn>` and `/pci/fallback`."""
    doors = Blueprint("carrier", __name__)
    conversation = room.conversation

    @doors.post("/pci/e/<id:entry_id>/t/<turn:turn>")
    def take_turn(entry_id: str, turn: int) -> Response:
        structlog.contextvars.bind_contextvars(**of_entry(entry_id))
        return _answer(room, lambda form: conversation.take_turn(entry_id, turn, form))

    @doors.post("/pci/fallback")
    def fallback() -> Response:
        return _answer(room, conversation.rejoin)

    return doors


def _answer(room: Room, take: Callable[[Form], str]) -> Response:
    form = carrier_request.verify(
        request,
        public_url=room.config.pci_public_url,
        tokens=room.config.twilio_auth_tokens,
        account_sid=room.config.twilio_account_sid,
    )
    structlog.contextvars.bind_contextvars(call_sid="".join(form.get("CallSid", [])[:1]))
    try:
        answer = take(form)
    except NotBoundError:
        raise Forbidden("The request belongs to another call.") from None
    except Exception as error:  # noqa: BLE001 - the edge: the caller hears a kind sentence
        tell("turn_failed", error)
        answer = _apology(room, form)
    return Response(answer, mimetype="text/xml")


def _apology(room: Room, form: Form) -> str:
    try:
        return room.conversation.apologize(form)
    except Exception as error:  # noqa: BLE001 - the database is away as well
        tell("apology_failed", error)
        return room.conversation.blind_apology(form)
