"""How we speak to Stripe: each verb has one deadline, and the library's retries.

The library retries dropped connections, time-outs, 409 and 5xx under the same idempotency key; one more try
is begun only where it can end before the deadline. Neither proxies nor .netrc are read from the environment,
and no redirect is followed: each could carry a secret, or a charge, where it was not meant to go. No
exception of the library leaves this file, for each holds the whole answer.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import stripe
from stripe import _util
from stripe._v1_services import V1Services

from gateways.http_client import HttpClient, NoAnswerError
from gateways.secret import Secret

RETRIES = 2
_BODY_MAX = 16_000_000

StripeCall = Callable[[V1Services, stripe.RequestOptions], stripe.StripeObject]


@dataclass(frozen=True, slots=True)
class StripeTimeLimits:
    """How long Stripe may take, in seconds."""

    connect_s: float = 2.0
    read_s: float = 8.0
    in_all_s: float = 14.0
    """For a whole verb, retries and all: whoever asks is promised 15."""
    pause_s: float = 0.5
    """Before the first retry, twice that before the second."""
    worth_s: float = 0.5
    """A retry that would have less time than this is not begun."""


@dataclass(frozen=True, slots=True)
class StripeReply:
    """What Stripe said. Its body stays out of the repr: it may hold a token."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    replayed: bool = False
    """Whether this is the answer to an earlier request under the same key, and may be out of date."""


@dataclass(frozen=True, slots=True)
class NoStripeReply:
    """No answer that means anything: Stripe may have done what it was asked, or not."""

    reason: str


class StripeSession:
    """The requests of one verb, under one deadline."""

    def __init__(self, api_key: Secret, base: str, timing: StripeTimeLimits) -> None:
        self._line = _Line(timing)
        self._client = stripe.StripeClient(
            api_key.reveal(),
            base_addresses={"api": base},
            http_client=self._line,
            max_network_retries=RETRIES,
        )

    def send(self, ask: StripeCall, *, key: str | None = None) -> StripeReply | NoStripeReply:
        """`ask` calls one method of the library. Under `key`, Stripe does it once and repeats its answer;
        without one, only the library's own retries are known as repeats.
        """
        try:
            return _reply(ask(self._client.v1, {"idempotency_key": key} if key else {}))
        except stripe.APIConnectionError as fault:
            return NoStripeReply(fault.user_message or "the connection to Stripe broke")
        except stripe.StripeError as fault:
            return _refusal(fault)
        except Exception as fault:  # noqa: BLE001 - sent or not, nobody knows; and its traceback holds the body
            return NoStripeReply(f"the connection to Stripe broke ({type(fault).__name__})")


class Stripe:
    """One account of Stripe's. Holds no connection between verbs, so it is safe from any thread."""

    def __init__(self, api_key: Secret, base: str, timing: StripeTimeLimits | None = None) -> None:
        _silence_library()
        self.base = base.rstrip("/")
        self.live = "_live_" in api_key.reveal()[:8]
        self._api_key = api_key
        self._timing = timing or StripeTimeLimits()

    def session(self, *, in_all_s: float | None = None) -> StripeSession:
        """For one verb; `in_all_s` where nobody waits for it."""
        timing = self._timing
        if in_all_s is not None:
            timing = replace(timing, in_all_s=in_all_s)
        return StripeSession(self._api_key, self.base, timing)


class _Line(stripe.HTTPClient):
    """The library's way to the network. Its retries ask `_should_retry` and `_sleep_time_seconds`."""

    name = "requests"

    def __init__(self, timing: StripeTimeLimits) -> None:
        super().__init__()
        self._timing = timing
        self._ends_at = time.monotonic() + timing.in_all_s
        self._http = HttpClient(timing.connect_s + timing.read_s, timing.connect_s, _BODY_MAX)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        left_s = self._left_s()
        if left_s <= 0:
            raise _broken("there was no time left to ask Stripe")
        limit_s = min(left_s, self._http.total_s)
        try:
            answer = self._http.request(method, url, body=post_data, headers=headers, total_s=limit_s)
        except NoAnswerError as fault:
            if fault.late:
                raise _broken("Stripe did not answer in time", should_retry=True) from None
            reason = f"the connection to Stripe broke: {fault.broke}"
            raise _broken(reason, should_retry=not fault.would_fail_again) from None
        return answer.body, answer.status, answer.headers

    def _left_s(self) -> float:
        return self._ends_at - time.monotonic()

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return float(self._add_jitter_time(self._timing.pause_s * 2 ** (num_retries - 1)))

    def _should_retry(
        self,
        response: tuple[Any, int, Mapping[str, str] | None] | None,
        api_connection_error: stripe.APIConnectionError | None,
        num_retries: int,
        max_network_retries: int | None,
    ) -> bool:
        wanted = super()._should_retry(response, api_connection_error, num_retries, max_network_retries)
        return bool(wanted) and self._left_s() > self._timing.pause_s * 2**num_retries + self._timing.worth_s


def _broken(reason: str, *, should_retry: bool = False) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(reason, should_retry=should_retry)  # type: ignore[no-untyped-call]


def _reply(found: stripe.StripeObject) -> StripeReply:
    told = found.last_response
    headers = {} if told is None else {name.lower(): value for name, value in told.headers.items()}
    return StripeReply(200, found.to_dict(), replayed=headers.get("idempotent-replayed") == "true")


def _refusal(fault: stripe.StripeError) -> StripeReply | NoStripeReply:
    body, status = fault.json_body, fault.http_status
    if status is None or not isinstance(body, dict):
        return NoStripeReply(f"Stripe's answer was not understood (HTTP {status})")
    return StripeReply(status, body)


def _silence_library() -> None:
    """Lets the library log warnings alone: at DEBUG it logs whole bodies, card number and code in clear.

    Anybody can set a logger's level at any time, and STRIPE_LOG=debug prints without a logger. So a filter
    stands on the logger, and the library's own switches are off. urllib3 logs paths, and a token stands in
    some. Harmless to repeat; called before anything is sent.
    """
    stripe.enable_telemetry = False
    stripe.log = None
    _util.STRIPE_LOG = None
    logger = logging.getLogger("stripe")
    logger.setLevel(logging.WARNING)
    _add_filter(logger, _only_warnings)
    _add_filter(logging.getLogger("urllib3.connectionpool"), _no_tokens)


def _add_filter(logger: logging.Logger, wanted: object) -> None:
    if wanted not in logger.filters:
        logger.addFilter(wanted)  # type: ignore[arg-type] # a plain function does since Python 3.2


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _no_tokens(record: logging.LogRecord) -> bool:
    return "pm_" not in record.getMessage()
