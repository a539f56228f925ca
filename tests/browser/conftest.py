"""One browser for the session, and the payer's pages and the sandbox bank on sockets."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import flask
import pytest
import sqlalchemy as sa
from werkzeug.serving import WSGIRequestHandler, make_server

from gateways.capability import CardEntry
from gateways.contract import ChargeRequest, LinkOpen
from ivr.platform.database.engine import make_engine
from ivr.platform.settings.line import Wording
from ivr.web.payer_pages.facts import Merchant
from ivr.web.payer_pages.routes import make_blueprint
from tests.support.browser import Browser, running_browser
from tests.support.databases import Databases
from tests.support.gateway_harness import card
from tests.support.link_contract import order
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.sandbox_bank import running_bank
from tests.support.sandbox_harness import SandboxHarness
from tests.support.time_and_ids import ManualClock

NAME = "Excelentísimo Ayuntamiento de San Sebastián de los Reyes"
"""Long, as names of merchants are."""


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHarness]:
    with running_bank(tmp_path_factory.mktemp("bank")) as bank:
        yield SandboxHarness(bank, CardEntry.TOKENIZE)


@pytest.fixture(scope="module")
def services(databases: Databases) -> Iterator[PaymentServices]:
    url = databases.url("sqlite")
    engine = make_engine(url)
    clock = ManualClock()
    yield PaymentServices(engine, clock, bank=LinkGateway(clock))
    engine.dispose()
    databases.drop(url)


@pytest.fixture(scope="module")
def our_pages(services: PaymentServices) -> Iterator[str]:
    """The payer's pages; their URL. `/broken/...` are those of a server whose database is away."""
    merchant = Merchant(NAME, zone=ZoneInfo("Europe/Madrid"), wording=Wording("ES"))
    app = flask.Flask("pages", static_folder=None, template_folder=None)
    app.register_blueprint(make_blueprint(services.engine, clock=services.clock, merchant=merchant))
    away = sa.create_engine("sqlite:////nowhere/at/all.db")
    broken = make_blueprint(away, clock=services.clock, merchant=replace(merchant, phone="+34910000000"))
    app.register_blueprint(broken, name="broken", url_prefix="/broken")
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


Open = Callable[..., str]


@pytest.fixture
def open_page(harness: SandboxHarness) -> Open:
    """Opens a page of the bank's for one order; gives its URL."""
    numbers = iter(range(1_000_000))

    def opened(language: str = "en", description: str = "Water bill 12345678", **more: str) -> str:
        key = f"{language}-{next(numbers)}-{id(numbers)}"
        wanted = replace(order(key), description=description)
        found = harness.gateway.open_link(harness.link(key, order=wanted, language=language, **more))
        assert isinstance(found, LinkOpen), found
        return found.url

    return opened


def charge_of(harness: SandboxHarness, key: str, number: str) -> None:
    """A card that was keyed is charged at the bank."""
    token = harness.tokenizer.tokenize(card(number), key=f"card-{key}").token
    metadata = {"bill": "12345678", "call": f"call_{key:0>26}", "payment": "95847317"}
    harness.gateway.charge(ChargeRequest(replace(order(key), metadata=metadata), token))
