"""The composition root: makes the web application and the worker out of the settings. Nothing but the command
line imports it.

Each process makes its engine here, after the web server has forked. The PCI process has a composition of its
own, `ivr.pci.process`.
"""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import flask
import sqlalchemy as sa
import structlog
from werkzeug.exceptions import HTTPException

from ivr.calls.hang_up import CallEnder
from ivr.calls.retention import forget_turns
from ivr.customers.reference_guesses import forget_guesses
from ivr.dependencies import Dependencies, build
from ivr.fraud.guard import forget_card_attempts
from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.fraud.pci_reports import PciReportJob
from ivr.integrations.webhooks_out import Deliverer
from ivr.jobs.job_list import (
    CHECK_CONFIRMATION,
    DELIVER_OUTCOME,
    END_SILENT_CALL,
    REPORT_CARD_OUTCOME,
    SEND_CONFIRMATION,
    Job,
)
from ivr.messaging.channels.console import Console
from ivr.messaging.channels.sms import Sms
from ivr.messaging.delivery import Sender
from ivr.messaging.port import Channel
from ivr.payments.gateway_events import webhooks as gateway_webhooks
from ivr.payments.service import Handler
from ivr.platform import logs
from ivr.platform.build_info import BuildInfo
from ivr.platform.database.unavailable import RETRY_AFTER_S, is_away
from ivr.platform.metrics_access import MetricsAccess, challenge
from ivr.platform.readiness import Readiness, ReadinessMetric
from ivr.platform.request_ids import set_up_request_ids
from ivr.platform.routing import set_up_routes
from ivr.platform.settings.config import Config, load_config
from ivr.web.api import blueprint as api
from ivr.web.carrier_webhooks import messages as message_webhooks
from ivr.web.carrier_webhooks import wiring
from ivr.web.ops import health
from ivr.web.ops.call_ids import call_of
from ivr.web.ops.metrics import Books, Metrics
from ivr.web.ops.worker_http import WorkerHttp
from ivr.web.ops.worker_metrics import RunsMetric, WorkerMetrics
from ivr.web.payer_pages import routes as link_pages
from ivr.web.payer_pages.merchant import Merchant

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from ivr.jobs.worker import Worker

log = structlog.get_logger()

# The web process --------------------------------------------------------------------------------------------


def web_app(environ: Mapping[str, str]) -> "WSGIApplication":
    """The web process's application, as the web server's workers load it."""
    config = load_config(environ)
    logs.configure(config.log_level, "web")
    return make_web(build(config))


def make_web(on: Dependencies) -> flask.Flask:
    """The web process's application, with all of its routes."""
    config, line = on.config, on.config.line
    app = flask.Flask("paybycall", static_folder=None, template_folder=None)
    set_up_request_ids(app, on.ids)
    set_up_routes(app)
    app.debug = False  # whatever FLASK_DEBUG says: in debug, faults pass our handlers and our log's masks
    readiness = Readiness("web", health.parts_of_web(on.engine, on.clock, config.metrics_dir))
    metrics = Metrics(
        Books(
            on.engine,
            on.clock,
            lambda: _work_counts(on.engine),
            {on.gateway.name: on.gateway.capabilities.decline_codes},
        ),
        shared_dir=config.metrics_dir,
        also=(ReadinessMetric(readiness), _build_info("web", on)),
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
    app.register_blueprint(gateway_webhooks.make_blueprint(on.gateway, on.payments.gateway_events))
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
    app.register_blueprint(health.make_blueprint(readiness, metrics.exposition, _metrics_access(config)))
    app.register_error_handler(HTTPException, _plain)
    app.register_error_handler(sa.exc.SQLAlchemyError, _without_database)
    return app


def _without_database(fault: sa.exc.SQLAlchemyError) -> tuple[str, int, dict[str, str]]:
    """Webhooks are sent again by whoever sent them: a gateway by itself, a carrier where it was asked to."""
    if not is_away(fault):
        raise fault
    log.error("database_away", exc_info=fault)
    headers = {"Content-Type": "text/plain; charset=utf-8", "Retry-After": str(RETRY_AFTER_S)}
    return "The database does not answer. Send this again later.\n", 503, headers


def _metrics_access(config: Config) -> MetricsAccess:
    return MetricsAccess(config.metrics_token, config.in_production)


def _build_info(process: str, on: Dependencies) -> BuildInfo:
    return BuildInfo(
        process,
        gateway=on.gateway.name,
        card_entry=on.config.card_entry,
        database=on.engine.dialect.name,
    )


def _work_counts(engine: sa.Engine) -> Mapping[str, int]:
    from ivr.jobs.backlog import backlog, failed_jobs

    return {**backlog(engine), "failed": len(failed_jobs(engine))}


def _plain(fault: HTTPException) -> tuple[str, int, dict[str, str]]:
    """A refusal in one plain sentence that repeats nothing of the request."""
    headers = {"Content-Type": "text/plain; charset=utf-8", **challenge(fault)}
    return f"{fault.description}\n", fault.code or 500, headers


# The worker process -----------------------------------------------------------------------------------------


def handlers(on: Dependencies) -> dict[Job, Handler]:
    """What the worker does for each job."""
    config = on.config
    sender = Sender(on.engine, _channels(config), work=on.work, clock=on.clock)
    deliverer = Deliverer(
        on.engine, url=config.outcome_url, secrets=config.merchant_secrets, work=on.work, clock=on.clock
    )
    payments = on.payments
    ender = CallEnder(engine=on.engine, attempts=payments.attempts, work=on.work, clock=on.clock)
    return {
        **payments.handlers(),
        SEND_CONFIRMATION: sender.send,
        CHECK_CONFIRMATION: sender.check,
        DELIVER_OUTCOME: deliverer,
        END_SILENT_CALL: ender.end_silent,
        REPORT_CARD_OUTCOME: PciReportJob(on.engine, on.pci, on.work, on.clock),
    }


def _channels(config: Config) -> dict[str, Channel]:
    """Every channel of this installation: also those that new texts no longer take, for what waits there."""
    channels: dict[str, Channel] = {}
    if config.sms_from:
        channels["sms"] = Sms(
            account_sid=config.twilio_account_sid,
            token=config.twilio_auth_tokens[0],
            api_base=config.twilio_api_base,
            public_url=config.public_url,
            sender=config.sms_from,
        )
    if not config.in_production:
        channels["console"] = Console(sys.stdout)
    return channels


SWEEP_EVERY_S = 60


def run_worker(config: Config, stop: threading.Event, listen_at: tuple[str, int] | None = None) -> bool:
    """Works until `stop` is set; False where something was cut off in the middle. `listen_at`: host and port
    of its `/healthz`, `/readyz` and `/metrics`.
    """
    from ivr.jobs.worker import Worker

    on = build(config, pool_size=24)
    worker = Worker(on.engine, on.clock, on.ids, handlers(on), call_of=partial(call_of, on.engine))
    if listen_at is None:
        return _work(on, worker, stop)
    http = WorkerHttp(worker_app(on, worker), *listen_at)
    http.start()
    try:
        return _work(on, worker, stop)
    finally:
        http.stop()


def worker_app(on: Dependencies, worker: "Worker") -> flask.Flask:
    """What a worker answers on its own port."""
    app = flask.Flask("paybycall-worker", static_folder=None, template_folder=None)
    set_up_request_ids(app, on.ids)
    set_up_routes(app)
    app.debug = False
    readiness = Readiness("worker", health.parts_of_worker(on.engine, on.clock, worker.is_working))
    metrics = WorkerMetrics((RunsMetric(worker), ReadinessMetric(readiness), _build_info("worker", on)))
    metrics.log_lines.watch()
    app.register_blueprint(health.make_blueprint(readiness, metrics.exposition, _metrics_access(on.config)))
    app.register_error_handler(HTTPException, _plain)
    return app


def _work(on: Dependencies, worker: "Worker", stop: threading.Event) -> bool:
    payments, limits = on.payments, on.guard.limits
    sweeps = (
        payments.sweep,
        lambda: forget_turns(on.engine, on.clock.now()),
        lambda: forget_guesses(on.engine, on.clock.now()),
        lambda: payments.gateway_events.forget(on.clock.now()),
        lambda: forget_card_attempts(on.engine, limits, on.clock.now()),
    )
    sweeper = threading.Thread(target=_sweep, args=(sweeps, stop), name="sweep", daemon=True)
    sweeper.start()
    return worker.run_until(stop)


def _sweep(
    sweeps: Sequence[Callable[[], int]], stop: threading.Event, every_s: float = SWEEP_EVERY_S
) -> None:
    while not stop.wait(every_s):
        for sweep in sweeps:
            try:
                sweep()
            except Exception:  # the thread's edge: a database away for a moment must not end all sweeping
                log.exception("sweep_failed")
