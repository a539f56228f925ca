"""The PCI process as a Flask application: its doors, its health, and error pages that say nothing.

A body past 64 kB is not read, an error page never repeats the request,
and no request is logged beyond its call's id. A traceback is never shown and never logged:
`failures.describe` tells kind and place. `/readyz` says which part is not ready, the log says why.
"""

import hmac

import orjson
import sqlalchemy as sa
import structlog
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException, Unauthorized

from gateways.secret import Secret
from ivr.pci import migrate
from ivr.pci.carrier import carrier_doors
from ivr.pci.failures import tell
from ivr.pci.internal import internal_doors
from ivr.pci.room import Room
from ivr.routing import set_up_routes
from ivr.storage.engine import reading
from ivr.voice.carrier_request import BODY_BYTES_MAX

PARTS = ("database", "keys")
"""What `/readyz` asks."""
log = structlog.get_logger()


def create_app(room: Room) -> Flask:
    """The application over this room's parts."""
    app = Flask("paybycall-pci", static_folder=None, template_folder=None)
    set_up_routes(app)
    # DEBUG, whatever FLASK_DEBUG says: in debug, refusals tell more.
    app.config.update(MAX_CONTENT_LENGTH=BODY_BYTES_MAX, PROPAGATE_EXCEPTIONS=False, DEBUG=False)
    app.before_request(structlog.contextvars.clear_contextvars)
    app.register_blueprint(carrier_doors(room))
    app.register_blueprint(internal_doors(room))
    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(Exception, _unexpected)
    _add_health(app, room)
    return app


def _add_health(app: Flask, room: Room) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return _json({"status": "ok"}, 200)

    @app.get("/readyz")
    def readyz() -> Response:
        faults = _faults(room)
        for part, fault in faults.items():
            log.warning("not_ready", part=part, fault=fault)
        parts = {part: "not ready" if part in faults else "ok" for part in PARTS}
        return _json({"status": "not ready" if faults else "ok", "parts": parts}, 503 if faults else 200)

    @app.get("/metrics")
    def metrics() -> Response:
        if room.config.metrics_token and not _bears(room.config.metrics_token):
            raise Unauthorized("Give METRICS_TOKEN as a bearer token.")
        return Response(room.metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _bears(token: Secret) -> bool:
    expected = f"Bearer {token.reveal()}"
    return hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode())


def _faults(room: Room) -> dict[str, str]:
    """Each part that is not ready, with a sentence for the operator, who reads it in the log."""
    found: dict[str, str] = {}
    try:
        with reading(room.engine) as connection:
            if not migrate.can_serve(connection):
                found["database"] = "The schema is older than this release: run paybycall migrate."
    except sa.exc.SQLAlchemyError as error:
        tell("readyz_database_failed", error)
        found["database"] = "The database does not answer: see PCI_DATABASE_URL."
    try:
        room.keys.current()
    except Exception as error:  # noqa: BLE001 - any key service's fault means: not ready
        tell("readyz_keys_failed", error)
        found["keys"] = "The keys' home does not answer: see PCI_KEY_DIRECTORY."
    return found


def _problem(error: HTTPException) -> Response:
    """A problem document (RFC 9457), with a detail only where the sentence is ours."""
    status = error.code or 500
    custom = error.description if error.description != type(error).description else None
    document = {"type": "about:blank", "title": error.name, "status": status}
    if custom:
        document["detail"] = custom
    return Response(orjson.dumps(document), status=status, mimetype="application/problem+json")


def _unexpected(error: Exception) -> Response:
    tell("request_failed", error)
    document = {"type": "about:blank", "title": "Internal Server Error", "status": 500}
    return Response(orjson.dumps(document), status=500, mimetype="application/problem+json")


def _json(document: dict[str, object], status: int) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
