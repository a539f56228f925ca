"""What web asks of the PCI process over HTTP: requests are signed, fresh, and refused the second time.

A bad signature gets 403, a body that is not what docs/architecture.md says gets 400. A problem document
never repeats what was sent. A token leaves the process only here, in the answer to a signed request.
"""

import dataclasses
import re
from typing import Any

import orjson
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Conflict, Forbidden, NotFound

from gateways.contract import Order
from ivr.pci.dependencies import PciDependencies
from ivr.pci.entry_service import EntryConflictError, EntryRequest, UnknownEntryError
from ivr.pci.safe_logging import of_entry
from ivr.platform import request_signing as signing

_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_METADATA_ID = re.compile(r"[A-Za-z0-9_.-]{0,100}")
_METADATA_MAX = 20
_STATEMENT = re.compile(r"[A-Z0-9 ]{0,80}")
_TEXT_MAX = 500
_AMOUNT_MINOR_MAX = 2**63 - 1
_URL = re.compile(r"[!-~]{1,2000}")


def internal_routes(parts: PciDependencies) -> Blueprint:
    """What docs/architecture.md calls the PCI process, asked by web."""
    routes = Blueprint("internal", __name__)

    @routes.post("/pci/internal/entries")
    def open_entry() -> Response:
        wanted = _opening(_document(parts), parts)
        structlog.contextvars.bind_contextvars(**of_entry(wanted.id))
        try:
            new = parts.entry_service.open(wanted)
        except EntryConflictError:
            raise Conflict("Another entry was opened with this ID.") from None
        answer = {"id": wanted.id, "url": parts.conversation.turn_url(wanted.id, 0)}
        return _json(answer, 201 if new else 200)

    @routes.post("/pci/internal/entries/<id:entry_id>/collect")
    def collect(entry_id: str) -> Response:
        structlog.contextvars.bind_contextvars(**of_entry(entry_id))
        claimant = _text(_document(parts), "claimant", _ID)
        try:
            collected = parts.entry_service.collect(entry_id, claimant)
        except UnknownEntryError:
            raise NotFound("There is no such entry.") from None
        except EntryConflictError:
            raise Conflict("Another claimant has this result.") from None
        answer = dataclasses.asdict(collected)
        turn = answer.pop("turn")
        url = parts.conversation.turn_url(entry_id, turn) if turn is not None else None
        return _json(answer | {"url": url}, 200)

    @routes.post("/pci/internal/calls/<id:call_sid>/ended")
    def end_call(call_sid: str) -> Response:
        _verify(parts)
        structlog.contextvars.bind_contextvars(call_sid=call_sid)
        parts.entry_service.end_call(call_sid)
        return Response(status=204)

    _add_velocity(routes, parts)
    return routes


def _add_velocity(routes: Blueprint, parts: PciDependencies) -> None:
    @routes.post("/pci/internal/entries/<id:entry_id>/outcome")
    def report_outcome(entry_id: str) -> Response:
        structlog.contextvars.bind_contextvars(**of_entry(entry_id))
        declined = _flag(_document(parts), "declined")
        with parts.engine.begin() as tx:
            parts.velocity.settle(tx, entry_id, declined=declined)
        return Response(status=204)

    @routes.post("/pci/internal/lockouts")
    def lockouts() -> Response:
        found = parts.velocity.lockouts(also_over=_flag(_document(parts), "also_over"))
        return _json({"lockouts": [one.document() for one in found]}, 200)

    @routes.post("/pci/internal/lockouts/<id:lockout_id>/lift")
    def lift_lockout(lockout_id: str) -> Response:
        lifted = parts.velocity.lift(lockout_id, by=_text(_document(parts), "by", _NAME))
        if lifted is None:
            raise NotFound("There is no such lockout.")
        return _json(lifted.document(), 200)


def _verify(parts: PciDependencies) -> bytes:
    """The body of a request that is ours and fresh."""
    body = request.get_data()
    query = request.query_string.decode("latin-1")
    try:
        signing.verify(
            parts.config.internal_secrets,
            method=request.method,
            target=request.path + (f"?{query}" if query else ""),
            body=body,
            headers=dict(request.headers),
            now=parts.clock.now(),
            nonces=parts.nonces,
        )
    except signing.BadSignatureError as fault:
        raise Forbidden(str(fault)) from None
    return body


def _document(parts: PciDependencies) -> dict[str, Any]:
    body = _verify(parts)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise BadRequest("The body is not a JSON object.")
    return document


def _opening(document: dict[str, Any], parts: PciDependencies) -> EntryRequest:
    language = document.get("language")
    if language not in parts.speech.languages:
        raise BadRequest(f"language must be one of {', '.join(parts.speech.languages)}.")
    account_sid = _text(document, "account_sid", _ID)
    if account_sid != parts.config.twilio_account_sid:
        raise BadRequest(
            "account_sid belongs to another account: is TWILIO_ACCOUNT_SID the same in both processes?"
        )
    return_url = _text(document, "return_url", _URL)
    if not return_url.startswith(f"{parts.config.public_url}/"):
        raise BadRequest("return_url must begin with PUBLIC_URL: is it the same in both processes?")
    return EntryRequest(
        id=_text(document, "id", _ID),
        call_sid=_text(document, "call_sid", _ID),
        account_sid=account_sid,
        language=str(language),
        return_url=return_url,
        postal_code=_flag(document, "postal_code"),
        authorize=_authorize(document.get("authorize")),
        slow="slow" in document and _flag(document, "slow"),
    )


def _authorize(given: Any) -> Order | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise BadRequest("authorize must be null or an object.")
    amount_minor = given.get("amount_minor")
    if type(amount_minor) is not int or not 0 < amount_minor <= _AMOUNT_MINOR_MAX:
        raise BadRequest("authorize.amount_minor must be a whole number above zero, of 63 bits.")
    description = given.get("description")
    if not isinstance(description, str) or len(description) > _TEXT_MAX or "\0" in description:
        raise BadRequest("authorize.description must be a short text.")
    return Order(
        key=_text(given, "key", _ID),
        amount_minor=amount_minor,
        currency=_text(given, "currency", _CURRENCY),
        description=description,
        metadata=_metadata(given.get("metadata", {})),
        statement=_text(given, "statement", _STATEMENT) if "statement" in given else "",
    )


def _metadata(given: Any) -> dict[str, str]:
    """Our references: ids, never a text that somebody wrote."""
    if not isinstance(given, dict) or len(given) > _METADATA_MAX:
        raise BadRequest("authorize.metadata must be a small object.")
    for name, value in given.items():
        if not _ID.fullmatch(name) or not isinstance(value, str) or not _METADATA_ID.fullmatch(value):
            raise BadRequest("authorize.metadata must contain only IDs.")
    return given


def _text(document: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadRequest(f"{name} must be a text of the form {pattern.pattern}")
    return value


def _flag(document: dict[str, Any], name: str) -> bool:
    value = document.get(name)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false.")
    return value


def _json(document: Any, status: int) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
