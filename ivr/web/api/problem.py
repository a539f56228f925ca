"""Faults of a request as problem documents (RFC 9457), each with a `code` that a program can tell apart.

`Problem` is raised anywhere under a route and becomes the answer at the
blueprint's edge; Flask's own refusals (404, 405, 413 ...) become the same kind of document.
"""

import flask
import orjson
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES

from ivr.platform.card_mask import mask_cards
from ivr.platform.database.availability import RETRY_AFTER_S
from ivr.platform.flask_app import request_id
from ivr.web.api.documents.fields import ProblemDocument

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A request that is refused; `detail` is a sentence for the programmer who sent it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.headers = headers or {}

    def document(self) -> ProblemDocument:
        said: ProblemDocument = {
            "type": "about:blank",
            "title": HTTP_STATUS_CODES[self.status],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.field is not None:
            said["field"] = mask_cards(self.field)
        if (asked_as := request_id()) is not None:
            said["request_id"] = asked_as
        return said

    def response(self) -> flask.Response:
        made = flask.Response(orjson.dumps(self.document()), self.status, content_type=MEDIA_TYPE)
        made.headers.update(self.headers)
        return made


def missing(what: str) -> Problem:
    """`what` is like "bill with this reference"."""
    return Problem(404, "not_found", f"There is no {what}.")


_CODES = {
    404: ("not_found", "There is no such path."),
    405: ("method_not_allowed", "This path does not take that method."),
    413: ("too_large", "The body is too large."),
}


def of(refusal: HTTPException) -> Problem:
    """Flask's or werkzeug's own refusal as a Problem."""
    status = refusal.code or 500
    code, detail = _CODES.get(status, ("bad_request", "The request cannot be read."))
    headers = {}
    if isinstance(refusal, MethodNotAllowed) and refusal.valid_methods:
        headers["Allow"] = ", ".join(sorted(refusal.valid_methods))
    return Problem(status, code, detail, headers=headers)


def without_database() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The database does not answer. Send the same request again later.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def of_a_bug() -> Problem:
    return Problem(
        500, "internal", "Something went wrong on our side. It is logged; the request may be repeated."
    )
