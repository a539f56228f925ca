"""The blueprint of `/api/v1`: who may ask, how much, and what a fault looks like.

The key is checked before a body is read. Every answer is JSON: Flask's own refusals of a path under /api
(404, 405) are turned into problem documents before Flask writes them as HTML.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flask
import orjson
import sqlalchemy as sa
import structlog
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.jobs.job_list import Work
from ivr.payments.service import PaymentService
from ivr.platform.clock import Clock
from ivr.platform.database.availability import is_away
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids
from ivr.web.api import keys, openapi, problem
from ivr.web.api.bills import BillRoutes
from ivr.web.api.cards import CardRoutes
from ivr.web.api.finance import FinanceRoutes
from ivr.web.api.lockouts import LockoutRoutes
from ivr.web.api.messages import MessageRoutes
from ivr.web.api.payments import PaymentRoutes
from ivr.web.api.problem import Problem
from ivr.web.api.request import BODY_MAX_BYTES, SEARCHABLE

log = structlog.get_logger()

ROOT = "/api/v1"
_DOCUMENT = "openapi.json"
Endpoint = Callable[..., tuple[Mapping[str, object], int]]


def blueprint(
    engine: sa.Engine,
    *,
    payments: PaymentService,
    lockouts: LockoutAdmin,
    home_country: str,
    work: Work,
    clock: Clock,
    ids: Ids,
) -> flask.Blueprint:
    """The API, to be registered on the web process's application."""
    bills = BillRoutes(
        engine, home_country=home_country, gateway=payments.gateway_limits, clock=clock, ids=ids
    )
    payment_routes = PaymentRoutes(engine, payments=payments, clock=clock)
    cards = CardRoutes(engine, cards=payments.saved_cards, home_country=home_country)
    finance = FinanceRoutes(engine, clock=clock)
    locked = LockoutRoutes(lockouts)
    messages = MessageRoutes(engine, work=work, clock=clock)
    made = flask.Blueprint("api", __name__, url_prefix=ROOT)
    for method, path, view in (
        ("GET", f"/{_DOCUMENT}", _document),
        ("GET", "/bills", bills.listed),
        ("POST", "/bills", bills.put),
        ("POST", "/bills/batch", bills.put_batch),
        ("GET", "/bills/<reference>", bills.show),
        ("GET", "/payments", payment_routes.feed),
        ("GET", "/payments/<payment_id>", payment_routes.show),
        ("POST", "/payments/<payment_id>/refunds", payment_routes.refund),
        ("GET", "/refunds/<refund_id>", payment_routes.shown_refund),
        ("GET", "/payouts", finance.payouts),
        ("GET", "/payouts/<payout_id>", finance.payout),
        ("GET", "/disputes", finance.disputes),
        ("GET", "/disputes/<reference>", finance.dispute),
        ("POST", "/cards/search", cards.search),
        ("GET", "/cards/<card_id>", cards.show),
        ("DELETE", "/cards/<card_id>", cards.delete),
        ("GET", "/messages/held", messages.held),
        ("POST", "/messages/<message_id>/resend", messages.resend),
        ("GET", "/lockouts", locked.listed),
        ("DELETE", "/lockouts/<lock_out_id>", locked.lift),
    ):
        made.add_url_rule(
            path,
            f"{method} {path}".replace(".", "_"),
            _json(view),
            methods=[method],
            provide_automatic_options=False,
        )
    made.before_app_request(_refuse_unknown_paths)
    made.before_request(_bound_body)
    made.before_request(_check_key(engine))
    made.register_error_handler(Problem, Problem.response)
    made.register_error_handler(HTTPException, lambda refusal: problem.of(refusal).response())
    made.register_error_handler(Exception, _log_bug)
    return made


def _document() -> tuple[dict[str, Any], int]:
    return openapi.DOCUMENT, 200


def _json(view: Endpoint) -> Callable[..., flask.Response]:
    def answer(**arguments: str) -> flask.Response:
        searched = {name: one if SEARCHABLE.fullmatch(one) else "" for name, one in arguments.items()}
        document, status = view(**searched)
        made = flask.Response(orjson.dumps(document), status, content_type="application/json")
        made.headers["Cache-Control"] = "no-store"
        return made

    return answer


def _refuse_unknown_paths() -> flask.Response | None:
    """Runs for every request of the application; what is not under /api is left alone."""
    refusal = flask.request.routing_exception
    if refusal is None or isinstance(refusal, RequestRedirect) or not flask.request.path.startswith("/api/"):
        return None
    return problem.of(refusal).response()


def _bound_body() -> None:
    flask.request.max_content_length = BODY_MAX_BYTES


def _check_key(engine: sa.Engine) -> Callable[[], None]:
    def check() -> None:
        """The OpenAPI document is public, as this project is."""
        if flask.request.path == f"{ROOT}/{_DOCUMENT}":
            return
        scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer":
            with reading(engine) as tx:
                found = keys.find(tx, token.strip())
        if found is None:
            raise Problem(
                401,
                "unauthorized",
                "Send a valid key: Authorization: Bearer pbc_... (made by `paybycall apikey create`).",
                headers={"WWW-Authenticate": "Bearer"},
            )
        flask.g.api_key = found

    return check


def _log_bug(bug: Exception) -> flask.Response:
    if is_away(bug):
        log.error("database_away", exc_info=bug)
        return problem.without_database().response()
    log.error("api_request_failed", path=flask.request.path, method=flask.request.method, exc_info=bug)
    return problem.of_a_bug().response()
