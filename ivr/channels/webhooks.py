"""The carrier's news of our texts: `POST /messages/status`.

May import its own room, `ivr.storage.engine` and `ivr.voice.carrier_request`. A callback comes late, twice,
out of order, and for texts that another try sent; the graph of `ivr.channels.states` keeps each of them
harmless.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from gateways.secret import Secret
from ivr.channels import confirmation
from ivr.channels.confirmation import Confirmation
from ivr.channels.refusals import Mends, mends_of
from ivr.channels.states import Event, State
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
_NOT_ARRIVED = frozenset({Event.FAILED, Event.UNDELIVERED})
_TRIED_AGAIN = frozenset({State.QUEUED, State.SENDING, State.MAYBE_SENT})
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
            else:
                _move(tx, found, event, clock.now(), sid=sid, error_code=error_code)
        return Response(status=204)

    return blueprint


def _move(
    tx: sa.Connection, found: Confirmation, event: Event, now: datetime, *, sid: str, error_code: str | None
) -> None:
    """News of another copy than the one that we know of, or of an earlier one while a text is being sent
    again: it matters where it arrived, and nowhere else.
    """
    earlier = found.provider_id == sid and found.state in _TRIED_AGAIN
    if earlier or found.provider_id not in {None, sid}:
        if event is Event.DELIVERED:
            confirmation.shift(tx, found.id, event, now)
        return
    if event in _NOT_ARRIVED and mends_of(error_code) in {Mends.OPERATOR, Mends.TIME}:
        log.error("confirmation_held", confirmation=found.id, error_code=error_code)
        event = Event.HOLD
    confirmation.shift(tx, found.id, event, now, error_code=error_code, provider_id=sid)


def _only(form: dict[str, list[str]], name: str) -> str:
    values = form.get(name, [])
    if len(values) != 1 or not values[0]:
        raise BadRequest(f"{name} is missing, or there twice.")
    return values[0]
