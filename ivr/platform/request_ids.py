"""The id of a request, in its log lines and in its answer (`X-Request-Id`): the proxy's, or one of ours."""

import re
from typing import TYPE_CHECKING

import structlog
from flask import Response, g, request

from ivr.platform.card_mask import mask_cards
from ivr.platform.ids import Ids

if TYPE_CHECKING:
    from flask import Flask

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=+/-]{5,127}")


def set_up_request_ids(app: "Flask", ids: Ids) -> None:
    """Call it before any other hook is added: log lines from there on bear the id of their request."""

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
    app.after_request(end)


def request_id() -> str | None:
    """The present request's."""
    found: str | None = g.get("request_id")
    return found
