"""What a load balancer, Prometheus and a stranger see of the web process."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gateways.secret import Secret
from ivr.jobs.liveness_lock import hold
from ivr.platform.database.availability import AWAY
from ivr.platform.database.engine import make_engine
from ivr.platform.metrics import BuildInfo, MetricsAccess
from ivr.platform.readiness import Readiness, ReadinessMetric
from ivr.web.ops.health import NO_WORKER, make_blueprint, parts_of_web
from ivr.web.ops.metrics import Books, Metrics
from tests.support.time_and_ids import ManualClock
from tests.support.waiting import eventually

RELEASE = version("paybycall")
pytestmark = pytest.mark.slow


def served(
    engine: sa.Engine, clock: ManualClock, token: str = "", *, in_production: bool = False
) -> FlaskClient:
    app = Flask(__name__)
    readiness = Readiness("web", parts_of_web(engine, clock))
    also = (ReadinessMetric(readiness), BuildInfo("web", gateway="sandbox"))
    metrics = Metrics(Books(engine, clock, lambda: {"waiting": 2}), also=also)
    metrics.watch(app, clock)
    access = MetricsAccess(Secret(token), in_production=in_production)
    app.register_blueprint(make_blueprint(readiness, metrics.exposition, access))
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


WELL = {"database": "ok", "schema": "ok", "worker": "ok", "temporary files": "ok"}


def test_a_process_with_its_database_is_ready(client: FlaskClient, engine: sa.Engine) -> None:
    """Also without a worker, of which it tells: callers hear then that they were not charged."""
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "degraded", "parts": WELL | {"worker": NO_WORKER}},
    )
    shown = client.get("/metrics").text
    assert "paybycall_workers_alive 0.0" in shown
    assert 'paybycall_ready{part="worker",process="web"} 0.0' in shown
    lock = hold(engine, "worker_1")
    try:
        eventually(lambda: client.get("/readyz").json == {"status": "ok", "parts": WELL}, what="the worker")
        shown = client.get("/metrics").text
        assert "paybycall_workers_alive 1.0" in shown
        assert 'paybycall_ready{part="worker",process="web"} 1.0' in shown
    finally:
        lock.release()


@pytest.mark.postgres
def test_ready_from_this_schema_on(client: FlaskClient, engine: sa.Engine) -> None:
    """A deploy migrates first: the processes that it has not replaced yet stay in the balancer."""
    behind = "The schema is older than this release: run paybycall migrate."
    for stands_at, said in ((None, behind), ("0001", behind), ("0016", behind), ("of a later release", "ok")):
        with engine.begin() as tx:
            tx.execute(sa.text("DELETE FROM alembic_version"))
            if stands_at:
                tx.execute(sa.text("INSERT INTO alembic_version VALUES (:one)"), {"one": stands_at})
        answer = client.get("/readyz")
        assert answer.json["parts"] == WELL | {"schema": said, "worker": NO_WORKER}
        assert answer.status_code == (200 if said == "ok" else 503)


def test_a_process_without_its_database_lives_and_is_not_ready(away: sa.Engine, clock: ManualClock) -> None:
    client = served(away, clock)
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["status"] == "not ready"
    assert answer.json["parts"]["database"] == answer.json["parts"]["schema"] == AWAY
    shown = client.get("/metrics")
    assert shown.status_code == 200
    assert "paybycall_database_up 0.0" in shown.text
    assert 'route="health.readyz",status="503"' in shown.text


def test_metrics_can_want_a_token(engine: sa.Engine, clock: ManualClock) -> None:
    client = served(engine, clock, token="scraper")
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    for wrong in ("Bearer guess", "scraper", "Bearer scraper2", "Bearer Jos\xe9"):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer scraper"}).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_in_production_nobody_reads_metrics_without_a_token(engine: sa.Engine, clock: ManualClock) -> None:
    for header in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        answer = served(engine, clock, in_production=True).get("/metrics", headers=header)
        assert answer.status_code == 403
        assert "METRICS_TOKEN" in answer.text
        assert "paybycall_" not in answer.text
    client = served(engine, clock, token="scraper", in_production=True)
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer scraper"}).status_code == 200


def test_metrics_say_what_runs(client: FlaskClient) -> None:
    [line] = [
        one for one in client.get("/metrics").text.splitlines() if one.startswith("paybycall_build_info{")
    ]
    for label in ('process="web"', f'version="{version("paybycall")}"', 'gateway="sandbox"', 'python="3.'):
        assert label in line
    assert line.endswith(" 1.0")


def test_requests_are_timed_by_their_route_and_never_by_their_path(
    client: FlaskClient, clock: ManualClock
) -> None:
    client.get("/healthz")
    client.get("/voice/4242424242424242/t/1")
    shown = client.get("/metrics").text
    assert 'paybycall_request_seconds_count{route="health.healthz",status="200"} 1.0' in shown
    assert 'paybycall_request_seconds_count{route="none",status="404"} 1.0' in shown
    assert "4242424242424242" not in shown
    assert 'paybycall_jobs{state="waiting"} 2.0' in shown
