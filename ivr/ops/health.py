"""`/healthz`, `/readyz` and `/metrics` of the web process.

`/healthz` says that the process lives and asks nobody; `/readyz` takes it out of a load balancer while its
database is away or older than this release. Neither says more than that to a stranger.
"""

import hmac
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import Unauthorized

from gateways.secret import Secret
from ivr.ops.metrics import Metrics
from ivr.storage.engine import reading
from ivr.storage.migrate import can_serve

log = structlog.get_logger()


def make_blueprint(engine: sa.Engine, metrics: Metrics, *, metrics_token: Secret) -> Blueprint:
    """The three routes. Where `metrics_token` is not empty, `/metrics` wants it as a bearer token."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        parts = {name: check(engine) or "ok" for name, check in PARTS.items()}
        ready = all(said == "ok" for said in parts.values())
        return jsonify(status="ok" if ready else "not ready", parts=parts), 200 if ready else 503

    @blueprint.get("/metrics")
    def show_metrics() -> Response:
        if metrics_token and not _bears(metrics_token):
            raise Unauthorized("Give METRICS_TOKEN as a bearer token.")
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def _bears(token: Secret) -> bool:
    expected = f"Bearer {token.reveal()}"
    return hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode())


def _database(engine: sa.Engine) -> str | None:
    try:
        with reading(engine) as tx:
            tx.execute(sa.select(1))
    except sa.exc.SQLAlchemyError:
        log.warning("readyz_without_database", exc_info=True)
        return "The database does not answer."
    return None


def _schema(engine: sa.Engine) -> str | None:
    try:
        with reading(engine) as tx:
            return None if can_serve(tx) else "The schema is older than this release: run paybycall migrate."
    except sa.exc.SQLAlchemyError:
        return "The database does not answer."


PARTS: dict[str, Callable[[sa.Engine], str | None]] = {"database": _database, "schema": _schema}
"""Each part of a process that is ready, and what asks it: None where all is well, or a sentence."""
