"""What a load balancer, Prometheus and a stranger see of the web process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gateways.secret import Secret
from ivr.clock import ManualClock
from ivr.ops.health import make_blueprint
from ivr.ops.metrics import Books, Metrics
from ivr.storage.engine import make_engine


def served(engine: sa.Engine, clock: ManualClock, token: str = "") -> FlaskClient:
    app = Flask(__name__)
    metrics = Metrics(Books(engine, clock, lambda: {"waiting": 2}))
    metrics.watch(app, clock)
    app.register_blueprint(make_blueprint(engine, metrics, metrics_token=Secret(token)))
    return app.test_client()


@pytest.fixture
def client(engine: sa.Engine, clock: ManualClock) -> FlaskClient:
    return served(engine, clock)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database that does not answer."""
    engine = make_engine(f"sqlite:///{tmp_path}/no/such/folder/town.db")
    yield engine
    engine.dispose()


def test_a_process_with_its_database_is_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "ok", "parts": {"database": "ok", "schema": "ok"}},
    )


def test_ready_from_this_schema_on(client: FlaskClient, engine: sa.Engine) -> None:
    """A deploy migrates first: the processes that it has not replaced yet stay in the balancer."""
    behind = "The schema is older than this release: run paybycall migrate."
    for version, said in ((None, behind), ("0001", behind), ("0016", behind), ("of a later release", "ok")):
        with engine.begin() as tx:
            tx.execute(sa.text("DELETE FROM alembic_version"))
            if version:
                tx.execute(sa.text("INSERT INTO alembic_version VALUES (:one)"), {"one": version})
        answer = client.get("/readyz")
        assert answer.json["parts"] == {"database": "ok", "schema": said}
        assert answer.status_code == (200 if said == "ok" else 503)


def test_a_process_without_its_database_lives_and_is_not_ready(away: sa.Engine, clock: ManualClock) -> None:
    client = served(away, clock)
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json["parts"].values()) == {"The database does not answer."}
    shown = client.get("/metrics")
    assert shown.status_code == 200
    assert "paybycall_database_up 0.0" in shown.text
    assert 'route="health.readyz",status="503"' in shown.text


def test_metrics_can_want_a_token(engine: sa.Engine, clock: ManualClock) -> None:
    client = served(engine, clock, token="scraper")
    assert client.get("/metrics").status_code == 401
    for wrong in ("Bearer guess", "scraper", "Bearer scraper2", "Bearer Jos\xe9"):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer scraper"}).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_requests_are_timed_by_their_route_and_never_by_their_path(
    client: FlaskClient, clock: ManualClock
) -> None:
    client.get("/healthz")
    client.get("/voice/4242424242424242/t/1")
    shown = client.get("/metrics").text
    assert 'paybycall_request_seconds_count{route="health.healthz",status="200"} 1.0' in shown
    assert 'paybycall_request_seconds_count{route="none",status="404"} 1.0' in shown
    assert "4242" not in shown
    assert 'paybycall_jobs{state="waiting"} 2.0' in shown
