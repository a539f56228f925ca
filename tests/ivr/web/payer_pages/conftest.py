"""The payer's pages over a gateway that opens links, and a browser to look at them with."""

from collections.abc import Callable
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from ivr.web.payer_pages.facts import Merchant
from ivr.web.payer_pages.routes import make_blueprint
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock

Client = Callable[..., FlaskClient]


@pytest.fixture
def bank(clock: ManualClock) -> LinkGateway:
    return LinkGateway(clock)


@pytest.fixture
def services(engine: sa.Engine, clock: ManualClock, bank: LinkGateway) -> PaymentServices:
    return PaymentServices(engine, clock, bank=bank)


@pytest.fixture
def client(engine: sa.Engine, clock: ManualClock) -> Client:
    def made(merchant_name: str = "Demo Town Hall", on: sa.Engine = engine, **more: Any) -> FlaskClient:
        app = flask.Flask("pages", static_folder=None, template_folder=None)
        merchant = Merchant(merchant_name, **more)
        app.register_blueprint(make_blueprint(on, clock=clock, merchant=merchant))
        return app.test_client()

    return made


@pytest.fixture
def opened(services: PaymentServices) -> str:
    """An attempt whose link is open."""
    attempt_id = services.linked()
    services.run_due()
    return attempt_id
