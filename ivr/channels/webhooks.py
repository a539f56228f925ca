"""The carrier's news of our texts: `POST /messages/status`.

May import its own room, `ivr.storage.engine` and `ivr.voice.carrier_request`. A callback comes late, twice,
out of order, and for texts that another try sent; the graph of `ivr.channels.states` keeps each of them
harmless.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from gateways.secret import Secret
from ivr.channels import confirmation
from ivr.channels.states import Event
from ivr.clock import Clock
from ivr.voice.carrier_request import verify

EVENTS = {
    "accepted": Event.TAKEN,
    "scheduled": Event.TAKEN,
    "queued": Event.TAKEN,
    "sending": Event.TAKEN,
    "sent": Event.TAKEN,
    "delivered": Event.DELIVERED,
    "read": Event.DELIVERED,
    "undelivered": Event.UNDELIVERED,
    "failed": Event.FAILED,
    "canceled": Event.FAILED,
}
"""The carrier's MessageStatus, as what it means to us."""
_ID = re.compile(r"[a-z]+_[0-9a-z]{1,32}")
_CODE = re.compile(r"[0-9]{1,8}")
_SID = re.compile(r"[A-Za-z0-9]{1,64}")

log = structlog.get_logger()


def make_blueprint(
    engine: sa.Engine, *, clock: Clock, public_url: str, tokens: Sequence[Secret], account_sid: str
) -> Blueprint:
    """The route under which the carrier reports."""
    blueprint = Blueprint("messages", __name__)

    @blueprint.post("/messages/status")
    def status() -> Response:
        form = verify(request, public_url=public_url, tokens=tokens, account_sid=account_sid)
        said, sid = _only(form, "MessageStatus"), _only(form, "MessageSid")
        code = form.get("ErrorCode", [""])[-1]
        error_code = code if _CODE.fullmatch(code) else None
        confirmation_id = request.args.get("c", "")
        if not _SID.fullmatch(sid):
            raise BadRequest("MessageSid is no id.")
        if not _ID.fullmatch(confirmation_id):
            raise NotFound("There is no such confirmation.")
        event = EVENTS.get(said)
        with engine.begin() as tx:
            found = confirmation.find(tx, confirmation_id)
            if found is None:
                raise NotFound("There is no such confirmation.")
            if event is None:
                log.warning("confirmation_unknown_status", confirmation=found.id, status=said[:20])
            elif found.provider_id in {None, sid}:
                confirmation.shift(tx, found.id, event, clock.now(), error_code=error_code, provider_id=sid)
            elif event is Event.DELIVERED:
                # Another copy than the one that we know of: it matters where it arrived, and nowhere else.
                confirmation.shift(tx, found.id, event, clock.now())
        return Response(status=204)

    return blueprint


def _only(form: dict[str, list[str]], name: str) -> str:
    values = form.get(name, [])
    if len(values) != 1 or not values[0]:
        raise BadRequest(f"{name} is missing, or there twice.")
    return values[0]
