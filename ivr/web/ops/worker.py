"""What a worker shows of itself: its own port, its metrics, and the call that each line of its log names."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.integrations import webhooks_out
from ivr.jobs import job_list as jobs
from ivr.jobs.job_list import Job
from ivr.messaging import messages
from ivr.payments.attempts import store as attempt_store
from ivr.payments.refunds import store as refund_store
from ivr.payments.saved_cards import store as card_store
from ivr.platform.database.engine import reading
from ivr.platform.metrics import LogLines
from ivr.platform.wsgi.handover import bind
from ivr.platform.wsgi.http import HttpServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger()
THREADS = 2
BODY_BYTES_MAX = 1000
TRY_AGAIN_S = 5.0
_STOP_S = 2.0
_LOOK_S = 0.5


class WorkerHttp:
    """Serves from `start` to `stop`."""

    def __init__(
        self, application: "WSGIApplication", host: str, port: int, *, try_again_s: float = TRY_AGAIN_S
    ) -> None:
        self._application = application
        self._host = host
        self._port = port
        self._try_again_s = try_again_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(_STOP_S + 2 * _LOOK_S)

    def _run(self) -> None:
        listening = self._listen()
        if listening is None:
            return
        server = HttpServer(self._application, listening, threads=THREADS, body_bytes_max=BODY_BYTES_MAX)
        host, port = listening.getsockname()[:2]
        log.info("serving", host=host, port=port)
        while not self._ended.is_set():
            server.step(_LOOK_S)
        server.drain(_STOP_S)

    def _listen(self) -> socket.socket | None:
        """None where it is stopped before the port is free."""
        told = False
        while True:
            try:
                return bind(self._host, self._port)
            except OSError as fault:
                if not told:
                    log.warning(
                        "worker_port_taken",
                        sentence=f"/healthz and /metrics of this worker do not answer: port {self._port} on "
                        f"{self._host}: {fault.strerror}. Set WORKER_PORT to a free port, or to 0 for none.",
                    )
                    told = True
            if self._ended.wait(self._try_again_s):
                return None


class CountedRuns(Protocol):
    """As much of `ivr.jobs.runs.Runs` as is shown."""

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """(job, done | raised | given_up) -> how many."""
        ...

    def under_way(self) -> frozenset[str]: ...


class RunsMetric(Collector):
    """The runs of one worker, as soon as it has any."""

    def __init__(self, runs: CountedRuns) -> None:
        self._runs = runs

    def collect(self) -> Iterator[Metric]:
        ended = CounterMetricFamily(
            "paybycall_worker_runs", "Runs of jobs that ended, by outcome.", labels=["job_name", "outcome"]
        )
        for (job, outcome), count in sorted(dict(self._runs.counts).items()):
            ended.add_metric([job, outcome], count)
        yield ended
        yield GaugeMetricFamily(
            "paybycall_worker_runs_under_way", "Runs under way.", value=len(self._runs.under_way())
        )


class WorkerMetrics:
    """The exposition of one worker. `also`: what is shown beside its own counters."""

    def __init__(self, also: Sequence[Collector]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.log_lines = LogLines(self._registry)
        self._also = also

    def exposition(self) -> bytes:
        return b"".join(generate_latest(one) for one in (self._registry, *self._also))


AttemptIdOf = Callable[[sa.Connection, str], str | None]
_ATTEMPT_ID_OF: Mapping[Job, AttemptIdOf] = {
    jobs.REFUND_PAYMENT: refund_store.attempt_id_of,
    jobs.RESOLVE_REFUND: refund_store.attempt_id_of,
    jobs.RECHECK_REFUND: refund_store.attempt_id_of,
    jobs.SEND_MESSAGE: messages.attempt_id_of,
    jobs.CHECK_MESSAGE: messages.attempt_id_of,
    jobs.POST_MERCHANT_WEBHOOK: webhooks_out.attempt_id_of,
    jobs.SAVE_CARD: card_store.attempt_id_of,
    jobs.FORGET_CARD: card_store.attempt_id_of,
}
"""Jobs whose subject belongs to a payment; that of the others is the payment itself."""
_OF_NO_CALL = frozenset({jobs.READ_PAYOUT})


def call_of(engine: sa.Engine, job: Job, subject_id: str) -> str | None:
    """The id of the call; None where the work belongs to none."""
    if job in _OF_NO_CALL:
        return None
    if job == jobs.END_UNREPORTED_CALL:
        return subject_id
    attempt_id_of = _ATTEMPT_ID_OF.get(job)
    with reading(engine) as tx:
        attempt_id = subject_id if attempt_id_of is None else attempt_id_of(tx, subject_id)
        return None if attempt_id is None else attempt_store.call_id_of(tx, attempt_id)
