"""The worker process, put together from the settings: its handlers of jobs, its sweeps, and what it answers
over HTTP.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import flask
import structlog

from ivr.calls.hang_up import CallEnder
from ivr.calls.store import forget_turns
from ivr.customers.reference_guesses import forget_guesses
from ivr.dependencies import Dependencies, build
from ivr.fraud.guard import forget_card_attempts
from ivr.fraud.pci_reports import PciReportJob
from ivr.integrations.signed_post import SignedPost
from ivr.integrations.webhooks_out import POST_S, WebhookJob
from ivr.jobs.job_list import (
    CHECK_MESSAGE,
    END_UNREPORTED_CALL,
    POST_MERCHANT_WEBHOOK,
    REPORT_CARD_OUTCOME,
    SEND_MESSAGE,
    Job,
    JobHandler,
)
from ivr.messaging.channels import Channel
from ivr.messaging.channels.console import Console
from ivr.messaging.channels.sms import Sms
from ivr.messaging.delivery import MessageJobs
from ivr.platform.readiness import Readiness, ReadinessMetric
from ivr.platform.settings.web_settings import Config
from ivr.web.ops import health
from ivr.web.ops.health import build_info, metrics_access, process_app
from ivr.web.ops.worker import RunsMetric, WorkerHttp, WorkerMetrics, call_of

if TYPE_CHECKING:
    from ivr.jobs.worker import Worker

log = structlog.get_logger()


def handlers(on: Dependencies) -> dict[Job, JobHandler]:
    """What the worker does for each job."""
    config = on.config
    sender = MessageJobs(on.engine, _channels(config), on.work, on.clock)
    outcomes = SignedPost(config.outcome_url, config.merchant_secrets, POST_S) if config.outcome_url else None
    payments = on.payments
    ender = CallEnder(engine=on.engine, attempts=payments.attempts, clock=on.clock)
    return {
        **payments.handlers(),
        SEND_MESSAGE: sender.send,
        CHECK_MESSAGE: sender.check,
        POST_MERCHANT_WEBHOOK: WebhookJob(on.engine, outcomes, on.work, on.clock),
        END_UNREPORTED_CALL: ender.end_silent,
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
    app = process_app("paybycall-worker", on)
    readiness = Readiness("worker", health.parts_of_worker(on.engine, on.clock, worker.is_working))
    metrics = WorkerMetrics((RunsMetric(worker), ReadinessMetric(readiness), build_info("worker", on)))
    metrics.log_lines.watch()
    app.register_blueprint(health.make_blueprint(readiness, metrics.exposition, metrics_access(on.config)))
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
