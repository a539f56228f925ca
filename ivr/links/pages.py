"""The two pages: what a token leads to, by what the books say of its payment.

May import `ivr.links.view`, `ivr.payments`, `ivr.storage`, `ivr.money` and Flask. A page says "paid" when the
ledger does and not before. A token that never was, one that expired and one that was closed get the same
answer, in every language, after the same one query.
"""

from http import HTTPStatus

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from ivr.clock import Clock
from ivr.links.view import HEADERS, View, languages, page, spoken, words
from ivr.money import written
from ivr.payments.links_read import Paying, Stage, paying
from ivr.storage.engine import reading

log = structlog.get_logger()


def make_blueprint(engine: sa.Engine, *, clock: Clock, merchant_name: str) -> Blueprint:
    """`/pay/<token>` and `/receipt/<token>`."""
    pages = _Pages(engine, clock, merchant_name)
    blueprint = Blueprint("links", __name__)
    blueprint.add_url_rule("/pay/<token>", "pay", pages.pay, methods=["GET"])
    blueprint.add_url_rule("/receipt/<token>", "receipt", pages.receipt, methods=["GET"])
    blueprint.register_error_handler(Exception, pages.trouble)
    return blueprint


class _Pages:
    def __init__(self, engine: sa.Engine, clock: Clock, merchant_name: str) -> None:
        self._engine = engine
        self._clock = clock
        self._merchant_name = merchant_name

    def pay(self, token: str) -> Response:
        """To the gateway's page while it can be paid; `?left` says that the payer comes back from there."""
        found = self._find(token)
        if found is not None and found.stage is Stage.PAID:
            return self._made([_paid(found)])
        if found is None or found.stage is not Stage.OPEN or found.url is None:
            return self._over()
        if "left" in request.args:
            return self._made([_left(found)])
        return Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, "Location": found.url})

    def receipt(self, token: str) -> Response:
        """Where a payer lands who has paid, as far as the gateway's page goes."""
        found = self._find(token)
        if found is None or found.stage is Stage.OVER:
            return self._over()
        return self._made([_paid(found) if found.stage is Stage.PAID else _confirming(found)])

    def trouble(self, fault: Exception) -> Response:
        """The web framework would log the path, and the token with it."""
        if isinstance(fault, HTTPException):
            return self._made([_plain(one, "trouble") for one in _wanted()], HTTPStatus(fault.code or 500))
        log.error("link_page_failed", exc_info=fault)
        return self._made([_plain(one, "trouble") for one in _wanted()], HTTPStatus.INTERNAL_SERVER_ERROR)

    def _find(self, token: str) -> Paying | None:
        with reading(self._engine) as tx:
            return paying(tx, token, self._clock.now())

    def _over(self) -> Response:
        return self._made([_plain(one, "over", "over_what_next") for one in _wanted()], HTTPStatus.NOT_FOUND)

    def _made(self, views: list[View], status: HTTPStatus = HTTPStatus.OK) -> Response:
        body = page(views, self._merchant_name)
        return Response(body, status, headers=HEADERS, content_type="text/html; charset=utf-8")


def _wanted() -> list[str]:
    """Every language, the one that the browser likes best first."""
    best = request.accept_languages.best_match(languages(), default=languages()[0])
    return sorted(languages(), key=lambda one: (one != best, one))


def _plain(language: str, key: str, *more: str) -> View:
    said = words(language)
    return View(language, said[f"{key}_title"], tuple(said[one] for one in (key, *more)))


def _facts(found: Paying, said: dict[str, str]) -> tuple[tuple[str, str], ...]:
    amount = written(found.amount_minor, found.currency, spoken(found.language))
    return (
        (said["amount"], amount),
        (said["bill"], found.bill_reference),
        (said["reference"], found.reference),
    )


def _paid(found: Paying) -> View:
    said = words(spoken(found.language))
    return View(spoken(found.language), said["paid_title"], (said["paid"],), _facts(found, said))


def _confirming(found: Paying) -> View:
    said = words(spoken(found.language))
    link = (said["again"], "")  # the empty address is this very page
    return View(
        spoken(found.language), said["confirming_title"], (said["confirming"],), _facts(found, said), link
    )


def _left(found: Paying) -> View:
    said = words(spoken(found.language))
    link = (said["go"], "?")  # this page without its query: it leads on to the gateway's
    return View(spoken(found.language), said["left_title"], (said["left"],), _facts(found, said), link)
