"""The carrier's webhooks: the turns of a card entry, and the fallback.

Each request's signature, account and call are checked here. A wrong request gets 403 or 400. A fault of
ours is told to the caller in a kind sentence and never becomes a 500. Of a request only the call's id is
logged.
"""

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import Forbidden

from ivr.carriers.twilio.signature import verify
from ivr.pci.conversation import NotBoundError, WebhookForm
from ivr.pci.dependencies import PciDependencies
from ivr.pci.safe_logging import of_entry, tell

log = structlog.get_logger()


def carrier_routes(parts: PciDependencies) -> Blueprint:
    """`/pci/e/<entry>/t/<turn>` and `/pci/fallback`."""
    routes = Blueprint("carrier", __name__)
    conversation = parts.conversation

    @routes.post("/pci/e/<id:entry_id>/t/<turn:turn>")
    def take_turn(entry_id: str, turn: int) -> Response:
        structlog.contextvars.bind_contextvars(**of_entry(entry_id))
        return _answer(parts, lambda form: conversation.take_turn(entry_id, turn, form))

    @routes.post("/pci/fallback")
    def fallback() -> Response:
        return _answer(parts, conversation.rejoin)

    return routes


def _answer(parts: PciDependencies, take: Callable[[WebhookForm], str]) -> Response:
    form = verify(
        request,
        public_url=parts.config.pci_public_url,
        tokens=parts.config.twilio_auth_tokens,
        account_sid=parts.config.twilio_account_sid,
    )
    structlog.contextvars.bind_contextvars(call_sid="".join(form.get("CallSid", [])[:1]))
    try:
        answer = take(form)
    except NotBoundError:
        raise Forbidden("The request belongs to another call.") from None
    except Exception as error:  # noqa: BLE001 - the edge: the caller hears a kind sentence
        tell("turn_failed", error)
        answer = _apology(parts, form)
    return Response(answer, mimetype="text/xml")


def _apology(parts: PciDependencies, form: WebhookForm) -> str:
    try:
        return parts.conversation.apologize(form)
    except Exception as error:  # noqa: BLE001 - the database is away as well
        tell("apology_failed", error)
        return parts.conversation.blind_apology(form)
