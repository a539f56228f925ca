"""The API over payment services, and a merchant's program that has a key."""

import flask
import pytest
import sqlalchemy as sa
from werkzeug.exceptions import HTTPException

from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.web.api import keys
from ivr.web.api.blueprint import blueprint
from tests.support.api_client import ApiClient
from tests.support.payment_services import PaymentServices


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    return PaymentServices(engine)


def mounted(services: PaymentServices) -> flask.Flask:
    """An app of the API, whose gateway takes what the bank takes at this moment."""
    made = flask.Flask("test_api")
    made.register_blueprint(
        blueprint(
            services.engine,
            payments=services.payments,
            lockouts=LockoutAdmin(services.engine, None, services.clock),
            home_country="ES",
            work=services.work,
            clock=services.clock,
            ids=services.ids,
        )
    )
    return made


@pytest.fixture
def app(services: PaymentServices) -> flask.Flask:
    made = mounted(services)
    made.add_url_rule("/elsewhere", view_func=lambda: "ours")
    made.register_error_handler(HTTPException, lambda fault: ("refused elsewhere", fault.code))
    return made


@pytest.fixture
def api(app: flask.Flask, services: PaymentServices) -> ApiClient:
    with services.engine.begin() as tx:
        _, secret = keys.make(tx, "billing system", clock=services.clock, ids=services.ids)
    return ApiClient(app, secret.reveal(), set())
