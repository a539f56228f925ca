"""Calls that are on the line while one release is replaced by the next, as the carrier knows them.

A call is kept with its last webhook and the answer to it; `go_on` runs it from there with the same phone that
rings all other calls of the tests.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import Ended, KeysAsked, Paused, PhoneEvent
from ivr.simulators.phone.keys import HANG_UP, CallerHangUp
from ivr.simulators.phone.transport import Form, HttpAnswer, Transport
from tests.support.carrier_pay import carriers_habits
from tests.support.carrier_signature import signed_headers
from tests.support.phone import AUTH_TOKEN, REACTION_S, call_settings
from tests.support.script import Transcript
from tests.support.server import Server
from tests.support.server_checks import NAMES


@dataclass(frozen=True)
class OpenCall:
    """One call; `document` is None where its last webhook was never answered."""

    name: str
    call_sid: str
    from_number: str
    to_number: str
    url: str
    """Of the last webhook."""
    form: Mapping[str, str]
    """Its fields, without card digits; none: it has not been rung yet."""
    document: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class StillOnTheLineError(BaseException):
    """The caller has done all that the test wants, and holds the line."""


class DiedError(StillOnTheLineError):
    """The process that was to answer is gone in the middle of it; whoever waits for it still does."""


class CallerOnTheLine:
    """Keys these lines, as a dialogue file names them. Then, at a question or at the n-th pause, they hold
    the line, where they `stay`, or hang up.
    """

    def __init__(self, lines: Iterable[str], *, stays: bool, pauses: int | None, keyed: Transcript) -> None:
        self._lines = list(lines)
        self._stays = stays
        self._pauses = pauses
        self._keyed = keyed
        self._pause: PhoneEvent | None = None

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:
        if not self._lines:
            return self._done()
        line = self._lines.pop(0)
        self._keyed.keyed(line)
        if line == "(silence)":
            return None
        return NAMES.get(line.strip("()"), line)

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:
        if self._pauses is None or self._lines or not isinstance(event, Paused):
            return ""
        if event is not self._pause:
            self._pause = event
            self._pauses -= 1
            if self._pauses <= 0:
                return self._done()
        return ""

    def _done(self) -> CallerHangUp:
        if self._stays:
            raise StillOnTheLineError
        return HANG_UP


class RememberingTransport:
    """Keeps the last webhook of a call that asks for a document, and its answer."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.url = ""
        self.form: dict[str, str] = {}
        self.document: str | None = None

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        before = self.url, self.form, self.document
        self.url, self.document = url, None
        self.form = {name: values[-1] for name, values in form.items()}
        if "/pci/" in url:
            self.form.pop("Digits", None)
        answer = self._inner.post(url, form, headers)
        self.document = answer.body.decode()
        if not self.document:  # a report, such as the progress of the carrier's own card entry
            self.url, self.form, self.document = before
        return answer


class _FromTheLastAnswer:
    """The first webhook is not sent: the call goes on with what it was answered last. Where that never came,
    the last webhook is sent again, as the carrier does.
    """

    def __init__(self, inner: Transport, call: OpenCall) -> None:
        self._inner = inner
        self._call: OpenCall | None = call

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        if self._call is None:
            return self._inner.post(url, form, headers)
        call, self._call = self._call, None
        if call.document is None:
            return repeat(self._inner, call)
        return HttpAnswer(200, {"content-type": "text/xml"}, call.document.encode())


def repeat(transport: Transport, call: OpenCall) -> HttpAnswer:
    """The last webhook once more."""
    form = {name: [value] for name, value in call.form.items()}
    return transport.post(call.url, form, signed_headers(AUTH_TOKEN, call.url, call.form))


def go_on(
    server: Server,
    call: OpenCall,
    lines: Sequence[str] = (),
    *,
    stays: bool = False,
    pauses: int | None = None,
    **more: Any,
) -> tuple[OpenCall, Ended | None, list[str]]:
    """The call from where it stands: how it stands then, how it ended (None: it has not), what was said. With
    `pauses` the caller, once they have keyed all, waits no longer than until the n-th pause.
    """
    inner = _FromTheLastAnswer(server.transport, call) if call.form else server.transport
    remembering = RememberingTransport(inner)
    settings = call_settings(
        call.call_sid, from_number=call.from_number, to_number=call.to_number, incoming_url=call.url
    )
    transcript = Transcript()
    phone = Call(
        replace(settings, reaction_s=REACTION_S),
        caller=CallerOnTheLine(lines, stays=stays, pauses=pauses, keyed=transcript),
        transport=remembering,
        clock=server.clock,
        habits=carriers_habits(server),
        **{"listener": transcript, **more},
    )
    ended = None
    with suppress(StillOnTheLineError):
        ended = phone.run()
    stands = replace(call, url=remembering.url, form=remembering.form, document=remembering.document)
    return stands, ended, transcript.lines
