"""What the Flask applications of web and worker have in common."""

import flask
import structlog
from werkzeug.exceptions import HTTPException

from ivr.dependencies import Dependencies
from ivr.platform.flask_app import set_up_requests
from ivr.platform.metrics import BuildInfo, MetricsAccess, challenge
from ivr.platform.settings.config import Config

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
