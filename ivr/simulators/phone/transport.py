"""How a webhook travels: one signed form is posted, one answer comes back, or a fault that says why not.

`HttpTransport` keeps the carrier's limits: 15 s in all, no redirects followed, no more than a document's
bytes read. Proxies and .netrc of the machine are left alone: the phone rings what it was told to ring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from ivr.platform.clock import Clock

TOTAL_S = 15.0
BODY_BYTES_MAX = 64_001
"""One byte more than a document may have: enough to see that it is too long."""
Form = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back: `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class TransportError(Exception):
    """No answer came; the message says why."""


class NotConnectedError(TransportError):
    """The request never arrived, which was seen at once: the carrier may try again."""


class NoWebhookAnswerError(TransportError):
    """The request may have arrived, and the answer did not come in time."""


class HungUpError(Exception):
    """The caller hung up while the webhook was under way; its answer interests nobody any more."""


class Transport(Protocol):
    """Posts one form, and gives the answer or raises TransportError (or HungUpError, where it watches)."""

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer: ...


def encoded(form: Form) -> bytes:
    """The form as it goes over the line."""
    return urlencode([(name, value) for name, values in form.items() for value in values]).encode()


class HttpTransport:
    """Over HTTP, within the carrier's limits."""

    def __init__(self, clock: Clock, total_s: float = TOTAL_S) -> None:
        import requests

        self._clock = clock
        self._total_s = total_s
        self._session = requests.Session()
        self._session.trust_env = False

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        import requests
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        started = self._clock.now()
        sent = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", **headers}
        limit: object = Timeout(
            total=self._total_s
        )  # requests hands it on to urllib3, which counts both waits as one
        try:
            with self._session.post(
                url,
                data=encoded(form),
                headers=sent,
                timeout=limit,  # type: ignore[arg-type]
                allow_redirects=False,
                stream=True,
            ) as response:
                body = b""
                while chunk := response.raw.read1(8192):
                    body += chunk
                    if len(body) >= BODY_BYTES_MAX:
                        break
                    if (self._clock.now() - started).total_seconds() > self._total_s:
                        raise NoWebhookAnswerError(f"the answer took longer than {self._total_s:g} s")
                names = {name.lower(): value for name, value in response.headers.items()}
                return HttpAnswer(response.status_code, names, body[:BODY_BYTES_MAX])
        except requests.exceptions.ConnectTimeout as fault:
            raise NoWebhookAnswerError(f"no connection within {self._total_s:g} s") from fault
        except requests.exceptions.Timeout as fault:
            raise NoWebhookAnswerError(f"no answer within {self._total_s:g} s") from fault
        except (requests.exceptions.RequestException, HTTPError) as fault:
            raise _told(fault) from fault

    def close(self) -> None:
        """Its connections; the next webhook opens one anew."""
        self._session.close()


def _told(fault: Exception) -> TransportError:
    """A refused connection never arrived; anything else may have."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    cause = fault.args[0] if fault.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, NewConnectionError):
        return NotConnectedError("the connection was refused: is the server running?")
    return NoWebhookAnswerError(f"the connection broke: {type(reason or fault).__name__}")
