"""What the Flask applications of every process do with a request: give it an id, take its path as it came.

A request's id stands in its log lines and in its answer. No redirect is invented: the framework would answer
`/voice//incoming` by a redirect to a URL made of the Host header, and the carrier would send the keyed digits
again, in the clear, to whatever host a stranger named.
"""

import re

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, RequestRedirect

from ivr.platform.card_mask import mask_cards
from ivr.platform.ids import Ids

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=+/-]{5,127}")
NEVER_TAKEN = 10**9
"""The turn that a number of ten digits and more stands for: no call gets so far."""
_BEGINS_ODDLY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?//")
"""A path, or a whole URL's, of which a slash would be taken off."""


class TurnNumber(BaseConverter):
    """`<turn:number>`: the number of a turn. Python refuses to read a number of 4,300 digits."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        return int(value) if len(value) < len(str(NEVER_TAKEN)) else NEVER_TAKEN


class Id(BaseConverter):
    """`<id:...>`: an id of ours or of the carrier's. Some databases refuse what none holds, such as NUL."""

    regex = "[A-Za-z0-9_.-]{1,100}"


def set_up_requests(app: Flask, ids: Ids) -> None:
    """Call it before any other hook or route is added. A path is a route's to the letter, or is not found."""
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"turn": TurnNumber, "id": Id}

    def begin() -> None:
        structlog.contextvars.clear_contextvars()
        given = request.headers.get(HEADER, "")
        is_taken = bool(_WELL_FORMED.fullmatch(given)) and mask_cards(given) == given
        g.request_id = given if is_taken else ids.new("req")
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def end(response: Response) -> Response:
        if "request_id" in g:
            response.headers[HEADER] = g.request_id
        return response

    app.before_request(begin)
    app.before_request(_refuse_odd_path)
    app.after_request(end)


def request_id() -> str | None:
    """The present request's."""
    found: str | None = g.get("request_id")
    return found


def _refuse_odd_path() -> None:
    """Server and framework take slashes off the beginning of a path, and would mend others by a redirect."""
    invented = isinstance(request.routing_exception, RequestRedirect)
    asked = (request.environ.get(name, "") for name in ("PATH_INFO", "REQUEST_URI"))
    if invented or any(map(_BEGINS_ODDLY.match, asked)):
        raise NotFound
