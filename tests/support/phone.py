"""A carrier in the test's own process: rings WSGI apps as our server calls them; repeats, loses webhooks.

What an app sees is what it sees in production: a decoded path, a raw query, the Host of the
public URL. Whatever app answers for an origin (web, pci) is looked up by scheme, host and port.
"""

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from werkzeug.test import run_wsgi_app

from gateways.secret import Secret
from ivr.platform.clock import Clock
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import DialStatus as Picked
from ivr.simulators.phone.events import Ended, PhoneEvent
from ivr.simulators.phone.pay import NOTHING_INSTALLED, PayHabits
from ivr.simulators.phone.transport import (
    Form,
    HttpAnswer,
    HungUpError,
    NoWebhookAnswerError,
    Transport,
    encoded,
)
from ivr.simulators.phone.webhooks import CallSettings
from tests.support.script import pressing

WEB = "https://pay.example"
PCI = "https://cards.pay.example"
ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = Secret("the-carriers-token")
CALLER = "+34600111222"
REACTION_S = 1.5
"""A question is heard that long before its answer is keyed."""
CALLED = "+34910000000"
WsgiApp = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Posted:
    """One webhook that reached an app, with its answer."""

    url: str
    form: Form
    headers: Mapping[str, str]
    answer: HttpAnswer

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def field(self, name: str) -> str | None:
        values = self.form.get(name)
        return values[0] if values else None


@dataclass
class WsgiTransport:
    """Calls the app that answers for the URL's origin; `posted` is everything that arrived, in order."""

    apps: Mapping[str, WsgiApp]
    posted: list[Posted] = field(default_factory=list)

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        parts = urlsplit(url)
        app = self.apps[f"{parts.scheme}://{parts.netloc}"]
        body = encoded(form)
        environ = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
            "QUERY_STRING": parts.query.encode().decode("latin-1"),
            "SERVER_NAME": parts.hostname or "",
            "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=UTF-8",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": parts.netloc,
            **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()},
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        chunks, status, answered = run_wsgi_app(app, environ, buffered=True)
        names = {name.lower(): value for name, value in answered.items()}
        answer = HttpAnswer(int(status.split()[0]), names, b"".join(chunks))
        self.posted.append(Posted(url, form, dict(headers), answer))
        return answer

    @property
    def webhooks(self) -> list[str]:
        """The paths that were posted to, in order."""
        return [each.path for each in self.posted]


class Trouble(Enum):
    """What can happen to one webhook on its way."""

    NONE = "none"
    TWICE = "twice"
    """It arrives twice, and the carrier goes on by the second answer: the first was lost."""
    COPY_LATE = "copy late"
    """A copy of it arrives after the next webhook, and its answer interests nobody."""
    LOST_ANSWER = "lost answer"
    """It arrives, and its answer does not: the fallback is asked."""
    CALLER_GONE = "caller gone"
    """It arrives, and while the server thinks, the caller hangs up."""


class TroubledTransport:
    """Brings trouble over webhooks by a plan: a function of their count (from 1) and the URL."""

    def __init__(self, inner: Transport, plan: Callable[[int, str], Trouble]) -> None:
        self._inner = inner
        self._plan = plan
        self._late: list[tuple[str, Form, Mapping[str, str]]] = []
        self.counts: Counter[Trouble] = Counter()

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        trouble = self._plan(self.counts.total() + 1, url)
        self.counts[trouble] += 1
        answer = self._inner.post(url, form, headers)
        late, self._late = self._late, []
        for each in late:
            self._inner.post(*each)
        match trouble:
            case Trouble.TWICE:
                return self._inner.post(url, form, headers)
            case Trouble.COPY_LATE:
                self._late.append((url, form, headers))
            case Trouble.LOST_ANSWER:
                raise NoWebhookAnswerError("no answer within 15 s")
            case Trouble.CALLER_GONE:
                raise HungUpError("the caller hung up while a webhook was under way")
            case Trouble.NONE:
                pass
        return answer


def every(trouble: Trouble) -> Callable[[int, str], Trouble]:
    """The plan by which all webhooks suffer the same."""
    return lambda _count, _url: trouble


def only(number: int, trouble: Trouble) -> Callable[[int, str], Trouble]:
    """The plan by which one webhook suffers, counted from 1."""
    return lambda count, _url: trouble if count == number else Trouble.NONE


def call_settings(call_sid: str = "CA" + "1" * 32, **changed: Any) -> CallSettings:
    """A call to the server at WEB, by its fixed paths."""
    return CallSettings(
        **{
            "incoming_url": f"{WEB}/voice/incoming",
            "fallback_url": f"{WEB}/voice/fallback",
            "status_url": f"{WEB}/voice/status",
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "call_sid": call_sid,
            "from_number": CALLER,
            "to_number": CALLED,
            **changed,
        }
    )


@dataclass
class Heard:
    """A listener that keeps everything."""

    events: list[PhoneEvent] = field(default_factory=list)

    def __call__(self, event: PhoneEvent) -> None:
        self.events.append(event)

    def of(self, kind: type[PhoneEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def ring(
    transport: Transport,
    clock: Clock,
    answers: Sequence[str | None] = (),
    *,
    settings: CallSettings | None = None,
    person: Picked = Picked.COMPLETED,
    habits: PayHabits = NOTHING_INSTALLED,
) -> tuple[Ended, Heard]:
    """A call whose caller answers in turn (None: silence), then hangs up; its end and what was heard."""
    heard = Heard()
    call = Call(
        settings or call_settings(),
        caller=pressing(*answers),
        transport=transport,
        clock=clock,
        listener=heard,
        person=lambda _: person,
        habits=habits,
    )
    return call.run(), heard
