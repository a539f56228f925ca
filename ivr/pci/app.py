"""The PCI process as a Flask application: its routes, its health, and error pages that say nothing.

A body of more than 64 kB is not read, an error page never repeats the request, and of a request only its
call's id is logged. A traceback is neither shown nor logged: `safe_logging` logs type and place of an error.
`/readyz` says which part is not ready; the log says why.
"""

import orjson
import structlog
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException

from ivr.carriers.twilio.signature import BODY_BYTES_MAX
from ivr.pci.dependencies import PciDependencies
from ivr.pci.internal_api import internal_routes
from ivr.pci.safe_logging import tell
from ivr.pci.webhooks import carrier_routes
from ivr.platform.database.availability import RETRY_AFTER_S, is_away
from ivr.platform.flask_app import request_id, set_up_requests
from ivr.platform.metrics import MetricsAccess, challenge

log = structlog.get_logger()


def create_app(parts: PciDependencies) -> Flask:
    """The application over these parts."""
    app = Flask("paybycall-pci", static_folder=None, template_folder=None)
    set_up_requests(app, parts.ids)
    # DEBUG, whatever FLASK_DEBUG says: in debug, refusals tell more.
    app.config.update(MAX_CONTENT_LENGTH=BODY_BYTES_MAX, PROPAGATE_EXCEPTIONS=False, DEBUG=False)
    app.register_blueprint(carrier_routes(parts))
    app.register_blueprint(internal_routes(parts))
    app.register_error_handler(HTTPException, _problem)
    app.register_error_handler(Exception, _unexpected)
    _add_health(app, parts)
    parts.metrics.log_lines.watch()
    return app


def _add_health(app: Flask, parts: PciDependencies) -> None:
    access = MetricsAccess(parts.config.metrics_token, parts.config.in_production)

    @app.get("/healthz")
    def healthz() -> Response:
        return _json({"status": "ok"}, 200)

    @app.get("/readyz")
    def readyz() -> Response:
        found = parts.readiness.look()
        for part, fault in found.items():
            if fault is not None:
                log.warning("not_ready", part=part, fault=fault)
        word, status = parts.readiness.status(found)
        shown = {part: "not ready" if fault else "ok" for part, fault in found.items()}
        return _json({"status": word, "parts": shown}, status)

    @app.get("/metrics")
    def metrics() -> Response:
        access.check(request.headers.get("Authorization", ""))
        return Response(parts.metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _problem(error: HTTPException) -> Response:
    """A problem document (RFC 9457), with a detail only where the sentence is ours."""
    custom = error.description if error.description != type(error).description else None
    made = _document(error.code or 500, error.name, custom)
    made.headers.extend(challenge(error))
    return made


def _unexpected(error: Exception) -> Response:
    tell("request_failed", error)
    if is_away(error):
        made = _document(503, "Service Unavailable", "The database does not answer. Send this again later.")
        made.headers["Retry-After"] = str(RETRY_AFTER_S)
        return made
    return _document(500, "Internal Server Error")


def _document(status: int, title: str, detail: str | None = None) -> Response:
    document = {"type": "about:blank", "title": title, "status": status}
    if detail:
        document["detail"] = detail
    if (asked_as := request_id()) is not None:
        document["request_id"] = asked_as
    return Response(orjson.dumps(document), status=status, mimetype="application/problem+json")


def _json(document: dict[str, object], status: int) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
