"""The two pages: what a token leads to, by what the books say of its payment.

A page says "paid" when the ledger does and not before; and who was just led here from the gateway's page, as
the address says, does not read "not paid" because we have not heard of it yet. A token that never was, one
that expired and one that was closed get the same answer, in every language, after the same one query.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, NotFound

from flows.language import with_noun
from ivr.messaging.templates import time_left
from ivr.payments.links.payer_view import PayerView, Stage, view_of
from ivr.payments.links.store import DONE, LEFT
from ivr.platform.clock import Clock
from ivr.platform.database.availability import RETRY_AFTER_S, is_away
from ivr.platform.database.engine import reading
from ivr.web.payer_pages import facts
from ivr.web.payer_pages.facts import Merchant
from ivr.web.payer_pages.view import HEADERS, View, languages, page, spoken, words

log = structlog.get_logger()
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a token may look like at all; what does not is asked for as none, for some databases refuse it."""

_SETTLED = frozenset({Stage.PAID, Stage.REFUNDED})


def make_blueprint(engine: sa.Engine, *, clock: Clock, merchant: Merchant) -> Blueprint:
    """`/pay/<token>` and `/receipt/<token>`."""
    pages = _Pages(engine, clock, merchant)
    blueprint = Blueprint("links", __name__)
    blueprint.add_url_rule("/pay/<token>", "pay", pages.pay, methods=["GET"])
    blueprint.add_url_rule("/receipt/<token>", "receipt", pages.receipt, methods=["GET"])
    blueprint.register_error_handler(Exception, pages.trouble)
    return blueprint


class _Pages:
    def __init__(self, engine: sa.Engine, clock: Clock, merchant: Merchant) -> None:
        self._engine = engine
        self._clock = clock
        self._merchant = merchant

    def pay(self, token: str) -> Response:
        """To the gateway's page while it can be paid; `?left` says that the payer comes back from there."""
        found = self._find(token)
        if found is not None and found.stage in _SETTLED:
            return self._made([self._settled(found)])
        if found is None or found.stage is not Stage.OPEN or found.url is None:
            return self._over()
        if LEFT in request.args:
            return self._made([self._unpaid(found, "left", "?")])  # without its query this page leads on
        return Response(status=HTTPStatus.SEE_OTHER, headers={**HEADERS, "Location": found.url})

    def receipt(self, token: str) -> Response:
        """Where a payer lands who has paid, as far as the gateway's page goes; `?done` says that they come
        from there, and are ahead of the gateway's word to us.
        """
        found = self._find(token)
        if found is None or found.stage is Stage.OVER:
            return self._over()
        if found.stage in _SETTLED:
            return self._made([self._settled(found)])
        if found.stage is Stage.OPEN and DONE not in request.args:
            return self._made([self._unpaid(found, "open", f"../pay/{token}")])
        return self._made([self._confirming(found)])

    def trouble(self, fault: Exception) -> Response:
        """The web framework would log the path, and the token with it."""
        if isinstance(fault, NotFound):  # `//pay/<token>`
            return self._over()
        if isinstance(fault, HTTPException):
            return self._made(
                [self._plain(one, "trouble") for one in _wanted()], HTTPStatus(fault.code or 500)
            )
        views = [self._plain(one, "trouble") for one in _wanted()]
        if is_away(fault):
            log.error("database_away", exc_info=fault)
            made = self._made(views, HTTPStatus.SERVICE_UNAVAILABLE)
            made.headers["Retry-After"] = str(RETRY_AFTER_S)
            return made
        log.error("link_page_failed", exc_info=fault)
        return self._made(views, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _find(self, token: str) -> PayerView | None:
        asked = token if _TOKEN.fullmatch(token) else ""
        with reading(self._engine) as tx:
            return view_of(tx, asked, self._clock.now())

    def _over(self) -> Response:
        views = [self._plain(one, "over", "over_what_next") for one in _wanted()]
        return self._made(views, HTTPStatus.NOT_FOUND)

    def _made(self, views: list[View], status: HTTPStatus = HTTPStatus.OK) -> Response:
        body = page(views, self._merchant.name)
        return Response(body, status, headers=HEADERS, content_type="text/html; charset=utf-8")

    def _words(self, found: PayerView) -> Mapping[str, str]:
        language = spoken(found.language)
        noun = self._merchant.wording.nouns.get(language)
        return {key: with_noun(text, language, noun) for key, text in words(language).items()}

    def _settled(self, found: PayerView) -> View:
        """What the books say: paid, paid and a part given back, or all given back."""
        said = self._words(found)
        if found.stage is Stage.REFUNDED:
            title, text = said["refunded_title"], said["refunded"]
        elif found.refunded_minor:
            title = said["paid_title"]
            text = said["paid_less"].format(back=facts.amount(found, self._merchant, found.refunded_minor))
        else:
            title, text = said["paid_title"], said["paid"]
        listed = facts.of_a_receipt(found, self._merchant, said)
        return self._view(found, said, title, (text,), listed)

    def _confirming(self, found: PayerView) -> View:
        said = self._words(found)
        listed = facts.of_an_open_payment(found, self._merchant, said)
        link = (said["again"], "")  # the empty address is this very page, with its query
        return self._view(found, said, said["confirming_title"], (said["confirming"],), listed, link=link)

    def _unpaid(self, found: PayerView, key: str, way_on: str) -> View:
        """A link that is open, how long it still is, and the way to the gateway's page."""
        said = self._words(found)
        left = time_left(found.minutes_left) if found.minutes_left else said["moments"]
        texts = (said[key], said["good_for"].format(left=left))
        listed = facts.of_an_open_payment(found, self._merchant, said)
        return self._view(found, said, said["unpaid_title"], texts, listed, link=(said["go"], way_on))

    def _view(
        self,
        found: PayerView,
        said: facts.Words,
        title: str,
        texts: tuple[str, ...],
        listed: tuple[facts.Fact, ...],
        *,
        link: tuple[str, str] | None = None,
    ) -> View:
        asks = facts.contact(self._merchant, said, found.called)
        return View(spoken(found.language), title, texts, listed, link, asks)

    def _plain(self, language: str, key: str, *more: str) -> View:
        """A page that knows of no payment."""
        said = words(language)
        texts = tuple(said[one] for one in (key, *more))
        return View(language, said[f"{key}_title"], texts, contact=facts.contact(self._merchant, said))


def _wanted() -> list[str]:
    """Every language, the one that the browser likes best first."""
    best = request.accept_languages.best_match(languages(), default=languages()[0])
    return sorted(languages(), key=lambda one: (one != best, one))
