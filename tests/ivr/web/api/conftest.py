"""The API over a till, and a merchant's program that has a key."""

import flask
import pytest
import sqlalchemy as sa
from werkzeug.exceptions import HTTPException

from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.web.api import keys
from ivr.web.api.blueprint import blueprint
from tests.support.api_client import ApiClient
from tests.support.payment_services import Till


@pytest.fixture
def till(engine: sa.Engine) -> Till:
    return Till(engine)


def mounted(till: Till) -> flask.Flask:
    """An app of the API, whose gateway takes what the bank takes at this moment."""
    made = flask.Flask("test_api")
    made.register_blueprint(
        blueprint(
            till.engine,
            payments=till.cashier,
            lockouts=LockoutAdmin(till.engine, None, till.clock),
            home_country="ES",
            work=till.work,
            clock=till.clock,
            ids=till.ids,
        )
    )
    return made


@pytest.fixture
def app(till: Till) -> flask.Flask:
    made = mounted(till)
    made.add_url_rule("/elsewhere", view_func=lambda: "ours")
    made.register_error_handler(HTTPException, lambda fault: ("refused elsewhere", fault.code))
    return made


@pytest.fixture
def api(app: flask.Flask, till: Till) -> ApiClient:
    with till.engine.begin() as tx:
        _, secret = keys.make(tx, "billing system", clock=till.clock, ids=till.ids)
    return ApiClient(app, secret.reveal(), set())
