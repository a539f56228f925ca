"""While the database is away: programs, gateways and payers are told to come again, callers hear a word; and
every answer bears the id of its request, which the log lines bear too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from ivr.platform.database.availability import is_away
from ivr.platform.database.engine import make_engine
from ivr.platform.flask_app import HEADER
from ivr.simulators.phone.events import Said
from tests.support.databases import Databases
from tests.support.phone import ring
from tests.support.server import Server

ASKED_AS = "proxy-7f3a9c0000"


@contextmanager
def away(engine: sa.Engine, server_url: str) -> Iterator[None]:
    """Nobody gets in, and whoever is in is sent out."""
    name = engine.url.database
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.postgres
def test_whoever_asks_is_told_to_come_again(
    start_server: Callable[..., Server], postgres_url: Callable[[], str]
) -> None:
    server = start_server("postgres")
    server.expected |= {"database_away", "turn_failed", "language_unknown", "carrier_fallback"}
    web: FlaskClient = server.web.test_client()
    with away(server.on.engine, postgres_url()):
        told = web.get("/api/v1/bills/1", headers={"Authorization": "Bearer x", HEADER: ASKED_AS})
        page = web.get("/pay/token", headers={"Accept-Language": "es"})
        with pytest.raises(AssertionError, match="Send this again later"):  # it wants 204, and sends again
            server.receive_bank_webhook("payment", "attempt_1")
        ready = web.get("/readyz")
    assert (told.status_code, told.headers["Retry-After"], told.mimetype) == (
        503,
        "5",
        "application/problem+json",
    )
    assert (told.json["code"], told.json["request_id"], told.headers[HEADER]) == (
        "unavailable",
        ASKED_AS,
        ASKED_AS,
    )
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    assert page.text.index("Algo ha fallado") < page.text.index("Something went wrong")
    assert ready.status_code == 503
    [line] = [
        one for one in server.logs if one["event"] == "database_away" and one.get("request_id") == ASKED_AS
    ]
    assert line["log_level"] == "error"
    assert web.get("/api/v1/bills/1", headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.postgres
def test_a_caller_hears_a_word(start_server: Callable[..., Server], postgres_url: Callable[[], str]) -> None:
    """Their end is to be told again, where the carrier was asked to (docs/operations.md)."""
    server = start_server("postgres")
    server.expected |= {"database_away", "turn_failed", "language_unknown"}
    with away(server.on.engine, postgres_url()):
        _, heard = ring(server.transport, server.clock)
        statuses = {each.path: each.answer.status for each in server.transport.posted}
    assert any("sorry" in said.text.lower() for said in heard.of(Said)), heard.of(Said)
    assert statuses.pop("/voice/status") == 503
    assert set(statuses.values()) == {200}


def test_a_request_id_is_the_proxys_or_one_of_ours(server: Server) -> None:
    for app in (server.web, server.pci):
        client = app.test_client()
        assert client.get("/healthz", headers={HEADER: ASKED_AS}).headers[HEADER] == ASKED_AS
        for odd in ("", "short", "with blank", "4242424242424242", "x" * 200, "Jos\xe9-12345"):
            made = client.get("/nowhere", headers={HEADER: odd}).headers[HEADER]
            assert made.startswith("req_")
            assert made != client.get("/healthz").headers[HEADER]


@pytest.mark.postgres
def test_what_is_a_bug_is_not_told_as_an_absence(databases: Databases) -> None:
    for kind in ("sqlite", "postgres"):
        url = databases.url(kind)
        engine = make_engine(url)
        with pytest.raises(sa.exc.DBAPIError) as wrong, engine.connect() as connection:
            connection.exec_driver_sql("SELECT nothing FROM nowhere")
        assert not is_away(wrong.value)
        engine.dispose()
        databases.drop(url)
    with pytest.raises(sa.exc.DBAPIError) as gone:
        make_engine("postgresql://nobody@127.0.0.1:9/none").connect()
    assert is_away(gone.value)
    assert not is_away(ValueError())
