"""`/healthz`, `/readyz` and `/metrics` of web and worker.

`/healthz` says that the process lives and asks nobody. `/readyz` takes a process out of a load balancer while
its database is away, takes no writes, or is older than this release; what else it tells is for the operator.
"""

from collections.abc import Callable
from functools import partial

import flask
import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException

from ivr.dependencies import Dependencies
from ivr.jobs.liveness_lock import living_workers
from ivr.platform.clock import Clock
from ivr.platform.database.availability import AWAY, folder_fault, temporary_fault, write_fault
from ivr.platform.database.engine import reading
from ivr.platform.database.migrations import SCRIPTS
from ivr.platform.flask_app import set_up_requests
from ivr.platform.metrics import BuildInfo, MetricsAccess, challenge
from ivr.platform.readiness import CachedCheck, Part, Readiness
from ivr.platform.settings.web_settings import Config

log = structlog.get_logger()
NO_WORKER = "No worker is running: nothing is charged and nothing is sent. Run `paybycall serve worker`."


def make_blueprint(readiness: Readiness, exposition: Callable[[], bytes], access: MetricsAccess) -> Blueprint:
    """The three routes. `exposition` gives the text that Prometheus reads."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = readiness.look()
        word, status = readiness.status(found)
        for part, fault in found.items():
            if fault is not None:
                log.warning("not_ready", part=part, fault=fault)
        return jsonify(status=word, parts={part: fault or "ok" for part, fault in found.items()}), status

    @blueprint.get("/metrics")
    def show_metrics() -> Response:
        access.check(request.headers.get("Authorization", ""))
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def parts_of_web(engine: sa.Engine, clock: Clock, metrics_dir: str = "") -> list[Part]:
    """A web process answers callers as long as its database takes writes. Without a worker it still tells
    callers that they were not charged, so that does not take it away.
    """
    worker = Part("worker", partial(_worker, engine, clock), is_needed=False)
    return [*_database_parts(engine, clock), worker, *_folder_parts(clock, metrics_dir)]


def parts_of_worker(engine: sa.Engine, clock: Clock, is_working: Callable[[], bool]) -> list[Part]:
    """`is_working`: whether it has begun to take work."""
    working = Part("work", lambda: None if is_working() else "The worker takes no work yet.")
    return [*_database_parts(engine, clock), working, *_folder_parts(clock)]


def _database_parts(engine: sa.Engine, clock: Clock) -> list[Part]:
    writes = CachedCheck(partial(write_fault, engine), clock)
    return [
        Part("database", lambda: _database(engine) or writes()),
        Part("schema", partial(SCRIPTS.fault, engine)),
    ]


def _folder_parts(clock: Clock, metrics_dir: str = "") -> list[Part]:
    """Folders where the process writes, and without which callers are served all the same."""
    parts = [Part("temporary files", CachedCheck(temporary_fault, clock), is_needed=False)]
    if metrics_dir:
        named = partial(folder_fault, metrics_dir, "PROMETHEUS_MULTIPROC_DIR")
        parts.append(Part("metrics", CachedCheck(named, clock), is_needed=False))
    return parts


def _worker(engine: sa.Engine, clock: Clock) -> str | None:
    try:
        return None if living_workers(engine, clock.now()) else NO_WORKER
    except sa.exc.SQLAlchemyError:
        return AWAY
    except OSError as fault:  # the lock files of another user, or no file descriptor left
        return f"Whether a worker runs cannot be seen: {fault.strerror}."


def _database(engine: sa.Engine) -> str | None:
    try:
        with reading(engine) as tx:
            tx.execute(sa.select(1))
    except sa.exc.SQLAlchemyError:
        log.warning("readyz_without_database", exc_info=True)
        return AWAY
    return None


log = structlog.get_logger()


def process_app(name: str, on: Dependencies) -> flask.Flask:
    """An application without routes. Its refusals are one plain sentence."""
    app = flask.Flask(name, static_folder=None, template_folder=None)
    set_up_requests(app, on.ids)
    app.debug = False  # whatever FLASK_DEBUG says: in debug, faults pass our handlers and our log's masks
    app.register_error_handler(HTTPException, _plain)
    return app


def metrics_access(config: Config) -> MetricsAccess:
    return MetricsAccess(config.metrics_token, config.in_production)


def build_info(process: str, on: Dependencies) -> BuildInfo:
    return BuildInfo(
        process,
        gateway=on.gateway.name,
        card_entry=on.config.card_entry,
        database=on.engine.dialect.name,
    )


def _plain(fault: HTTPException) -> tuple[str, int, dict[str, str]]:
    """A refusal in one plain sentence that repeats nothing of the request."""
    headers = {"Content-Type": "text/plain; charset=utf-8", **challenge(fault)}
    return f"{fault.description}\n", fault.code or 500, headers
