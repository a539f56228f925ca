"""The web process's application, put together from the settings.

Each process makes its database engine here, after the web server has forked. The worker is put together in
`ivr.worker`, the PCI process in `ivr.pci.process`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import flask
import sqlalchemy as sa
import structlog

from ivr.dependencies import Dependencies, build
from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.payments import gateway_events
from ivr.platform import logs
from ivr.platform.database.availability import RETRY_AFTER_S, is_away
from ivr.platform.readiness import Readiness, ReadinessMetric
from ivr.platform.settings.web_settings import load_config
from ivr.web.api import blueprint as api
from ivr.web.carrier_webhooks import messages as message_webhooks
from ivr.web.carrier_webhooks import wiring
from ivr.web.ops import health
from ivr.web.ops.health import build_info, metrics_access, process_app
from ivr.web.ops.metrics import Books, Metrics
from ivr.web.payer_pages import routes as link_pages
from ivr.web.payer_pages.facts import Merchant

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


log = structlog.get_logger()


def web_app(environ: Mapping[str, str]) -> "WSGIApplication":
    """The web process's application, as the web server's workers load it."""
    config = load_config(environ)
    logs.configure(config.log_level, "web")
    return make_web(build(config))


def make_web(on: Dependencies) -> flask.Flask:
    """The web process's application, with all of its routes."""
    config, line = on.config, on.config.line
    app = process_app("paybycall", on)
    readiness = Readiness("web", health.parts_of_web(on.engine, on.clock, config.metrics_dir))
    metrics = Metrics(
        Books(
            on.engine,
            on.clock,
            lambda: _work_counts(on.engine),
            {on.gateway.name: on.gateway.capabilities.decline_codes},
        ),
        shared_dir=config.metrics_dir,
        also=(ReadinessMetric(readiness), build_info("web", on)),
    )
    metrics.watch(app, on.clock)
    metrics.log_lines.watch()
    app.register_blueprint(wiring.build(on, metrics).blueprint())
    app.register_blueprint(
        message_webhooks.make_blueprint(
            on.engine,
            work=on.work,
            clock=on.clock,
            public_url=config.public_url,
            tokens=config.twilio_auth_tokens,
            account_sid=config.twilio_account_sid,
        )
    )
    app.register_blueprint(gateway_events.make_blueprint(on.gateway, on.payments.gateway_events))
    app.register_blueprint(
        link_pages.make_blueprint(
            on.engine,
            clock=on.clock,
            merchant=Merchant(line.merchant_name, line.merchant_phone, line.time_zone, line.wording),
        )
    )
    app.register_blueprint(
        api.blueprint(
            on.engine,
            payments=on.payments,
            lockouts=LockoutAdmin(on.engine, on.pci, on.clock),
            home_country=line.home_country,
            work=on.work,
            clock=on.clock,
            ids=on.ids,
        )
    )
    app.register_blueprint(health.make_blueprint(readiness, metrics.exposition, metrics_access(config)))
    app.register_error_handler(sa.exc.SQLAlchemyError, _without_database)
    return app


def _without_database(fault: sa.exc.SQLAlchemyError) -> tuple[str, int, dict[str, str]]:
    """Webhooks are sent again by whoever sent them: a gateway by itself, a carrier where it was asked to."""
    if not is_away(fault):
        raise fault
    log.error("database_away", exc_info=fault)
    headers = {"Content-Type": "text/plain; charset=utf-8", "Retry-After": str(RETRY_AFTER_S)}
    return "The database does not answer. Send this again later.\n", 503, headers


def _work_counts(engine: sa.Engine) -> Mapping[str, int]:
    from ivr.jobs.backlog import backlog, failed_jobs

    return {**backlog(engine), "failed": len(failed_jobs(engine))}
