"""The carrier of a world: brings webhooks to whichever process is there, as unreliable as the real one.

A request that is lost is tried once more, one whose answer is lost leads to the fallback URL, as
`ivr.simulators.phone.webhooks` has it; beyond that, requests arrive late, twice, and in another order than
they were sent in, and the end of a call is told late, twice, early or never.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ivr.simulators.phone.transport import (
    Form,
    HttpAnswer,
    HungUpError,
    NotConnectedError,
    NoWebhookAnswerError,
    encoded,
)
from tests.simulation.chance import Chance, Fate
from tests.simulation.network import BROKEN, Request, wsgi
from tests.simulation.network import Answer as Received
from tests.simulation.processes import Processes
from tests.simulation.scheduler import Box, Scheduler
from tests.simulation.trace import Trace

PATIENCE_S = 15.0
_PROGRESS = re.compile(r"/voice/[^/]+/pay/\d+")
_FATES = (
    Fate.LOST,
    Fate.ANSWER_LOST,
    Fate.LATE,
    Fate.SLOW,
    Fate.REPEATED,
    Fate.REPEATED,
)
_GONE = 2.5
"""Of those who hang up with a webhook under way, the end is often told first."""


@dataclass
class Carrier:
    """The way of every webhook; `origins` says which kind of process answers for which origin."""

    scheduler: Scheduler
    chance: Chance
    processes: Processes
    trace: Trace
    origins: Mapping[str, str]
    answered: Callable[[str, Received], None] = lambda _url, _answer: None
    """Told of every answer, wanted or not."""

    def bring(self, url: str, form: Form, headers: Mapping[str, str], box: Box, delay_s: float) -> None:
        """The request arrives after this time, at whoever is there by then."""
        self.scheduler.spawn("carrier", lambda: self._arrive(url, form, headers, box), delay_s=delay_s)

    def _arrive(self, url: str, form: Form, headers: Mapping[str, str], box: Box) -> None:
        parts = urlsplit(url)
        process = self.processes.one(self.origins[f"{parts.scheme}://{parts.netloc}"])
        if process is None:
            self.scheduler.fill(box, None)
            return
        sent = {**headers, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        request = Request("POST", url, sent, encoded(form))

        def work() -> None:
            answer = BROKEN
            try:
                answer = wsgi(process.app)(request)
            finally:
                self.scheduler.fill(box, answer)
            self.trace(process.name, f"{parts.path} -> {answer.status}")
            self.answered(url, answer)

        self.processes.begin(process, parts.path, work)


@dataclass
class CarrierLine:
    """The transport of one call's phone. `at` is the address of the document that it runs."""

    carrier: Carrier
    name: str
    haste: Chance
    """What is drawn for presses ahead and for lateness, apart from everything else."""
    at: str = ""
    leaving: bool = False
    """The caller hangs up while the next webhook is under way."""
    _late: list[Box] = field(default_factory=list)

    def post(self, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        chance = self.carrier.chance
        path = urlsplit(url).path
        if path == "/voice/status" or _PROGRESS.fullmatch(path):
            return self._tell(path, url, form, headers)
        fate = chance.fate(chance.rates.carrier, _FATES)
        if fate is not Fate.ANSWERED:
            self.carrier.trace(self.name, f"{path}: {fate.name.lower()}")
        if self.leaving:
            self.carrier.bring(url, form, headers, Box(), chance.seconds(0.0, _GONE))
            raise HungUpError("the caller hung up while a webhook was under way")
        self._be_late()
        box = self._send(fate, url, form, headers)
        came = box is not None and self.carrier.scheduler.wait(box, PATIENCE_S)
        if box is None or (came and box.content is None):
            raise NotConnectedError("nobody is there")
        if not came or box.content is BROKEN or fate is Fate.ANSWER_LOST:
            raise NoWebhookAnswerError("no answer within 15 s")
        got: Received = box.content
        self._be_late()
        self.at = url
        return HttpAnswer(got.status, {name.lower(): value for name, value in got.headers.items()}, got.body)

    def _be_late(self) -> None:
        """On the way to us, or back; the carrier waits, and so does the caller."""
        late_s = self.carrier.chance.rates.late_s
        if late_s:
            self.carrier.scheduler.sleep(self.haste.seconds(0.0, late_s))

    def _send(self, fate: Fate, url: str, form: Form, headers: Mapping[str, str]) -> Box | None:
        """Where the answer will be; None: the request got lost."""
        chance, box = self.carrier.chance, Box()
        match fate:
            case Fate.LOST:
                self.carrier.scheduler.sleep(1.0)
                return None
            case Fate.LATE:
                self.carrier.bring(url, form, headers, box, PATIENCE_S + chance.seconds(0.1, 60.0))
                return box
            case Fate.SLOW:
                self.carrier.bring(url, form, headers, box, chance.seconds(1.0, 12.0))
                return box
            case Fate.REPEATED:
                again_s = chance.one_of([0.0, 0.05, 0.3, 2.0, 20.0])
                self.carrier.bring(url, form, headers, Box(), again_s)
        self.carrier.bring(url, form, headers, box, chance.seconds(0.01, 0.2))
        return box

    def _tell(self, path: str, url: str, form: Form, headers: Mapping[str, str]) -> HttpAnswer:
        """The end of a call, or how far a Pay is: often lost, often late, and nobody waits for its answer."""
        chance = self.carrier.chance
        fate = chance.fate(
            chance.rates.carrier * 2, (Fate.LOST, Fate.LOST, Fate.LATE, Fate.SLOW, Fate.REPEATED)
        )
        what = "the call is over" if path == "/voice/status" else f"{path}"
        self.carrier.trace(self.name, f"{what} ({fate.name.lower()})")
        if fate is not Fate.LOST:
            waits = {Fate.LATE: chance.seconds(5.0, 90.0), Fate.SLOW: chance.seconds(0.5, 5.0)}
            delay_s = waits.get(fate, 0.01)
            self.carrier.bring(url, form, headers, Box(), delay_s)
            if fate is Fate.REPEATED:
                self.carrier.bring(url, form, headers, Box(), chance.seconds(0.1, 30.0))
        return HttpAnswer(204)
