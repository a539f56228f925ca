"""The carrier's news of our texts: `POST /messages/status`.

A callback comes late, twice, out of order, and for texts that another try sent; the graph of
`ivr.messaging.states` keeps each of them harmless. What the carrier took and could not deliver is sorted as
its refusals are: the payer's reasons end it, the operator's hold it, and with time it is sent again.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from gateways.secret import Secret
from ivr.carriers.twilio.signature import verify
from ivr.jobs.job_list import SEND_MESSAGE, Work
from ivr.jobs.retry import SEND_MESSAGE_SCHEDULE
from ivr.messaging import messages
from ivr.messaging.delivery_errors import Refusal, kind_of_stored_code
from ivr.messaging.messages import Message
from ivr.messaging.states import MessageEvent, MessageState
from ivr.platform.clock import Clock

EVENTS = {
    "accepted": MessageEvent.TAKEN,
    "scheduled": MessageEvent.TAKEN,
    "queued": MessageEvent.TAKEN,
    "sending": MessageEvent.TAKEN,
    "sent": MessageEvent.TAKEN,
    "delivered": MessageEvent.DELIVERED,
    "read": MessageEvent.DELIVERED,
    "undelivered": MessageEvent.UNDELIVERED,
    "failed": MessageEvent.FAILED,
    "canceled": MessageEvent.FAILED,
}
"""The carrier's MessageStatus, as what it means to us."""
_NOT_ARRIVED = frozenset({"undelivered", "failed"})
"""`canceled` is neither: somebody took it back in the carrier's console."""
_SENT_ANEW = frozenset({MessageState.QUEUED, MessageState.SENDING, MessageState.MAYBE_SENT})
_ID = re.compile(r"[a-z]+_[0-9a-z]{1,32}")
_CODE = re.compile(r"[0-9]{1,8}")
_SID = re.compile(r"[A-Za-z0-9]{1,64}")

log = structlog.get_logger()


def make_blueprint(
    engine: sa.Engine,
    *,
    work: Work,
    clock: Clock,
    public_url: str,
    tokens: Sequence[Secret],
    account_sid: str,
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
            raise BadRequest("MessageSid is not an ID.")
        if not _ID.fullmatch(confirmation_id):
            raise NotFound("There is no message with this ID.")
        event = EVENTS.get(said)
        kind = kind_of_stored_code(error_code)
        with engine.begin() as tx:
            found = messages.find(tx, confirmation_id, lock=True)
            if found is None:
                raise NotFound("There is no message with this ID.")
            if event is None:
                log.warning("confirmation_unknown_status", confirmation=found.id, status=said[:20])
            elif said in _NOT_ARRIVED and kind is not Refusal.PERMANENT and not _is_past(found, sid):
                _keep(tx, found, clock.now(), kind, work=work, sid=sid, error_code=error_code)
            else:
                _move(tx, found, event, clock.now(), sid=sid, error_code=error_code)
        return Response(status=204)

    return blueprint


def _is_past(found: Message, sid: str) -> bool:
    """Whether this is news of another copy than the one that we know of, or of an earlier one while a text
    is being sent again.
    """
    earlier = found.provider_id == sid and found.state in _SENT_ANEW
    return earlier or found.provider_id not in {None, sid}


def _move(
    tx: sa.Connection, found: Message, event: MessageEvent, now: datetime, *, sid: str, error_code: str | None
) -> None:
    """News of a past copy matters where it arrived, and nowhere else."""
    if not _is_past(found, sid):
        messages.apply_event(tx, found.id, event, now, error_code=error_code, provider_id=sid)
    elif event is MessageEvent.DELIVERED:
        messages.apply_event(tx, found.id, event, now)


def _keep(
    tx: sa.Connection,
    found: Message,
    now: datetime,
    kind: Refusal,
    *,
    work: Work,
    sid: str,
    error_code: str | None,
) -> None:
    """Sends it again once time may have mended what was in the way; what the operator mends is held.

    It counts for two tries, and waits as long: the next one's work has a name of its own then, where the last
    one's was asked for already.
    """
    nth = found.tries + 1
    wait_s = sum(SEND_MESSAGE_SCHEDULE.delays_s[found.tries - 1 : nth])
    if kind is Refusal.NEEDS_OPERATOR or SEND_MESSAGE_SCHEDULE.delay_of_retry_s(found.tries - 1) is None:
        if messages.apply_event(tx, found.id, MessageEvent.HOLD, now, error_code=error_code, provider_id=sid):
            log.error("confirmation_held", confirmation=found.id, error_code=error_code)
    elif messages.apply_event(
        tx, found.id, MessageEvent.UNDELIVERED_FOR_NOW, now, error_code=error_code, provider_id=sid, tries=nth
    ):
        work.enqueue(tx, SEND_MESSAGE, found.id, nth=nth, delay_s=wait_s)


def _only(form: dict[str, list[str]], name: str) -> str:
    values = form.get(name, [])
    if len(values) != 1 or not values[0]:
        raise BadRequest(f"{name} is missing or given twice.")
    return values[0]
