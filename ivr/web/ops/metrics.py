"""What `/metrics` of the web process shows: sums read from the database, and what only a process itself can
measure.

No label is a number, a name or an id of anyone: states, reasons and routes. Sums from the database are true
whichever process is asked, and survive a restart. Times, log lines and the cards keyed too early are counted
by each process for itself. Where several run, set PROMETHEUS_MULTIPROC_DIR to a directory that they share,
emptied before a start: then each answers for all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ivr.calls import store as calls
from ivr.fraud import lockouts, velocity
from ivr.fraud.breaker import BreakerState, state_at
from ivr.integrations import webhooks_out
from ivr.jobs.liveness_lock import living_workers
from ivr.messaging import messages
from ivr.payments.queries import monitoring
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.metrics import LogLines

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15)
"""The carrier hangs up on us after 15 s."""
WORK_EVERY = timedelta(seconds=30)
"""Asking the engine of background work is dear, so its answer serves for a while."""

log = structlog.get_logger()

WorkCounts = Callable[[], Mapping[str, int]]


class Metrics:
    """The counters of one web process, in a registry of their own; `shared_dir` as the module says. `also`:
    what is shown beside them.
    """

    def __init__(self, books: "Books", *, shared_dir: str = "", also: Sequence[Collector] = ()) -> None:
        self._shown = (books, *also)
        self._shared_dir = shared_dir
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "paybycall_request_seconds",
            "Time to answer a request; a turn of a call is the route voice.turn.",
            ["route", "status"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._early = Counter(
            "paybycall_cards_typed_early",
            "Card numbers keyed too early, thrown away unread.",
            registry=self._registry,
        )
        self.log_lines = LogLines(self._registry)

    def card_typed_early(self) -> None:
        self._early.inc()

    def answered(self, route: str, status: int, duration_s: float) -> None:
        self._requests.labels(route=route, status=str(status)).observe(duration_s)

    def watch(self, app: Flask, clock: Clock) -> None:
        """Times every request of the application, by its route's name: never by its path, which holds ids."""

        def begin() -> None:
            g.began_at = clock.now()

        def end(response: Response) -> Response:
            took = clock.now() - g.began_at if "began_at" in g else timedelta(0)
            self.answered(request.endpoint or "none", response.status_code, took.total_seconds())
            return response

        app.before_request(begin)
        app.after_request(end)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        counted = self._registry
        if self._shared_dir:
            counted = CollectorRegistry()
            MultiProcessCollector(counted, path=self._shared_dir)  # type: ignore[no-untyped-call]
        return b"".join(generate_latest(one) for one in (counted, *self._shown))


class Books(Collector):
    """Sums of the database. `work` counts background work by its state: waiting, later, running, failed;
    `decline_codes` are those that each gateway's adapter knows the meaning of.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: Clock,
        work: WorkCounts,
        decline_codes: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._work = work
        self._decline_codes = decline_codes or {}
        self._work_seen: tuple[datetime, Mapping[str, int]] | None = None

    def collect(self) -> Iterator[Metric]:
        """Every sum anew, in one read transaction; where the database is away, that alone."""
        try:
            with reading(self._engine) as tx:
                sums = list(self._sums(tx))
            sums.append(self._jobs())
        except sa.exc.SQLAlchemyError:
            log.exception("metrics_without_database")
            sums = []
        yield GaugeMetricFamily("paybycall_database_up", "Whether the database answers.", value=bool(sums))
        yield from sums

    def _sums(self, tx: sa.Connection) -> Iterator[Metric]:
        yield from self._calls(tx)
        yield _by_state(
            "paybycall_attempts", "Attempts to charge, by state.", monitoring.attempts_by_state(tx)
        )
        yield _by_state("paybycall_refunds", "Refunds, by state.", monitoring.refunds_by_state(tx))
        yield _by_state("paybycall_confirmations", "Confirmations, by state.", messages.count_by_state(tx))
        yield _by_state(
            "paybycall_outcomes", "Webhooks to the merchant, by state.", webhooks_out.count_by_state(tx)
        )
        yield _declines(tx)
        yield self._unmapped(tx)
        yield _by_state(
            "paybycall_card_tries", "Tried cards that still count, by state.", velocity.count_by_state(tx)
        )
        yield from self._lockouts(tx)
        yield self._oldest_unknown(tx)
        yield self._workers()

    def _workers(self) -> Metric:
        alive = living_workers(self._engine, self._clock.now())
        return GaugeMetricFamily("paybycall_workers_alive", "Workers that are running.", value=alive)

    def _calls(self, tx: sa.Connection) -> Iterator[Metric]:
        active, by_reason = calls.count_active(tx), calls.count_ended(tx)
        started = active + sum(by_reason.values())
        yield CounterMetricFamily("paybycall_calls_started", "Calls that came in.", value=started)
        yield GaugeMetricFamily("paybycall_calls_active", "Calls under way.", value=active)
        ended = CounterMetricFamily(
            "paybycall_calls_ended", "Calls that ended, by reason.", labels=["because"]
        )
        yield _filled(ended, by_reason.items())

    def _unmapped(self, tx: sa.Connection) -> Metric:
        family = CounterMetricFamily(
            "paybycall_declines_unmapped",
            "Declines by a code that the gateway's adapter does not know: callers heard the generic wording.",
            labels=["gateway"],
        )
        for gateway, known in self._decline_codes.items():
            by_code = monitoring.generic_declines_by_code(tx, gateway)
            family.add_metric([gateway], sum(count for code, count in by_code if code and code not in known))
        return family

    def _lockouts(self, tx: sa.Connection) -> Iterator[Metric]:
        now = self._clock.now()
        active = GaugeMetricFamily("paybycall_lock_outs", "Active lockouts, by kind.", labels=["kind"])
        yield _filled(active, lockouts.count_active(tx, now).items())
        state = state_at(tx, now)
        yield _by_state(
            "paybycall_card_breaker",
            "State of the breaker on declines: one of these is 1.",
            [(one, int(one is state)) for one in BreakerState],
        )

    def _oldest_unknown(self, tx: sa.Connection) -> Metric:
        oldest = monitoring.oldest_unknown_since(tx)
        age_s = (self._clock.now() - oldest).total_seconds() if oldest else 0
        return GaugeMetricFamily(
            "paybycall_oldest_unknown_seconds", "Age of the oldest charge of unknown outcome.", value=age_s
        )

    def _jobs(self) -> Metric:
        now = self._clock.now()
        if self._work_seen is None or now - self._work_seen[0] >= WORK_EVERY:
            self._work_seen = (now, dict(self._work()))
        return _by_state("paybycall_jobs", "Background work, by state.", sorted(self._work_seen[1].items()))


def _by_state(name: str, help_: str, found: Sequence[tuple[str, int]]) -> Metric:
    return _filled(GaugeMetricFamily(name, help_, labels=["state"]), found)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, found: Iterable[tuple[str, int]]) -> Metric:
    """The family with a count for each value of its label."""
    for value, count in found:
        family.add_metric([value], count)
    return family


def _declines(tx: sa.Connection) -> Metric:
    family = CounterMetricFamily(
        "paybycall_declines",
        "Declines, by gateway and reason; generic holds every code that the adapter does not know.",
        labels=["gateway", "decline"],
    )
    for gateway, decline, count in monitoring.declines_by_reason(tx):
        family.add_metric([gateway, decline], count)
    return family
