"""Runs a call as the carrier does: rings the server, performs its TwiML, and reports when it is over.

Time passes by the clock given, so that a test waits for nothing. A hang-up, a silence and a broken answer are
values; a call always ends, by a limit where the server never would end it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import format_datetime

from ivr.platform.clock import Clock
from ivr.simulators.phone.events import (
    Dialed,
    DialStatus,
    Ended,
    Faulted,
    Keyed,
    KeysAsked,
    Paused,
    PhoneCaller,
    PhoneEvent,
    PhoneListener,
    Played,
    Reason,
    Redirected,
    Said,
    ignore,
)
from ivr.simulators.phone.keys import CallerHangUp, Collector, GatherRules, masked
from ivr.simulators.phone.pay import NOTHING_INSTALLED, PayHabits, PayLine, PaySession
from ivr.simulators.phone.pay_verb import SimulatedPay
from ivr.simulators.phone.transport import HungUpError, Transport
from ivr.simulators.phone.values import PauseVerb, PlayVerb, Prompt, SayVerb
from ivr.simulators.phone.verbs import DialVerb, GatherVerb, HangupVerb, RedirectVerb, RejectVerb, TwimlVerb
from ivr.simulators.phone.webhooks import CallSettings, TwimlDocument, Webhooks, is_private, shown

REDIRECTS_MAX = 100
"""Redirects in a row with nothing said, played, waited for or asked in between."""
REDIRECT_LOOP = 11215
LOOPS_MAX = 1000
LONGEST_CALL_S = 4 * 60 * 60
SLICE_S = 0.25
"""How often somebody who waits is looked at: did they hang up?"""

Outcome = TwimlDocument | Reason | None
"""Where a verb leads: to another document, to the end of the call, or on to the next verb."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the carrier loses patience."""

    redirects: int = REDIRECTS_MAX
    call_s: float = LONGEST_CALL_S


def _they_talk(_: str) -> DialStatus:
    return DialStatus.COMPLETED


class Call:
    """One call, to be run once."""

    def __init__(
        self,
        settings: CallSettings,
        *,
        caller: PhoneCaller,
        transport: Transport,
        clock: Clock,
        listener: PhoneListener = ignore,
        person: Callable[[str], DialStatus] = _they_talk,
        limits: Limits = Limits(),
        habits: PayHabits = NOTHING_INSTALLED,
    ) -> None:
        """`person` says what the one whom `<Dial>` rings does, given the number; `habits`: how Pay goes."""
        self._settings = settings
        self._caller = caller
        self._clock = clock
        self._listener = listener
        self._person = person
        self._limits = limits
        self._habits = habits
        self._pays = 0
        self._faults: list[Faulted] = []
        self._webhooks = Webhooks(settings, transport, self._note)
        self._began = clock.now()
        self._status = "ringing"
        self._early = ""
        """Keys that no Gather has taken yet: pressed too soon, or more than the last one wanted."""
        self._heard: list[str] = []
        self._redirects = 0
        self._asks_on = False
        """Another Gather stands behind the verb that is performed."""
        self._goes_on = False
        """A Gather in the middle of a question was listened through."""

    def run(self) -> Ended:
        """Rings, and stays on the line until the call is over; the server has been told so by then."""
        outcome = self._talk()
        self._report(outcome)
        ended = Ended(outcome, tuple(self._faults))
        self._listener(ended)
        return ended

    def _talk(self) -> Reason:
        try:
            outcome = self._ask(self._settings.incoming_url)
            while isinstance(outcome, TwimlDocument):
                outcome = self._perform(outcome)
        except HungUpError:
            return Reason.CALLER
        return outcome

    def _note(self, fault: Faulted) -> None:
        self._faults.append(fault)
        self._listener(fault)

    def _ask(self, url: str, **fields: str) -> TwimlDocument | Reason:
        document = self._webhooks.document(url, self._status, **fields)
        return Reason.FAULT if document is None else document

    def _report(self, reason: Reason) -> None:
        now = self._clock.now()
        seconds = int((now - self._began).total_seconds())
        if self._status == "in-progress":
            self._status = "completed"
        elif reason in (Reason.FAULT, Reason.CALLER):
            self._status = "failed" if reason is Reason.FAULT else "canceled"
        self._webhooks.status(
            self._status,
            CallDuration=str(seconds),
            Duration=str(-(-seconds // 60)),
            Timestamp=format_datetime(now),
            CallbackSource="call-progress-events",
            SequenceNumber="0",
        )

    def _perform(self, document: TwimlDocument) -> TwimlDocument | Reason:
        if self._status == "ringing" and not isinstance(next(iter(document.verbs), None), RejectVerb):
            self._status = "in-progress"
        self._goes_on = False
        for place, verb in enumerate(document.verbs):
            if (self._clock.now() - self._began).total_seconds() > self._limits.call_s:
                return Reason.TOO_LONG
            self._asks_on = any(isinstance(one, GatherVerb) for one in document.verbs[place + 1 :])
            outcome = self._do(verb, document)
            if outcome is not None:
                return outcome
        return Reason.END_OF_DOCUMENT

    def _do(self, verb: TwimlVerb, document: TwimlDocument) -> Outcome:  # noqa: PLR0911 - one line a verb
        match verb:
            case SayVerb() | PlayVerb() | PauseVerb():
                return self._prompt(verb, document)
            case GatherVerb():
                return self._gather(verb, document)
            case SimulatedPay():
                return self._pay(verb, document)
            case RedirectVerb():
                return self._redirect(document.resolve(verb.url))
            case DialVerb():
                return self._dial(verb, document)
            case HangupVerb():
                return Reason.SERVER
            case RejectVerb():
                self._status = "busy" if verb.reason == "busy" else "no-answer"
                return Reason.REJECTED

    def _prompt(
        self, verb: SayVerb | PlayVerb | PauseVerb, document: TwimlDocument, *, interruptible: bool = False
    ) -> Outcome:
        """Something to hear. Inside a Gather, a key cuts it short."""
        self._redirects = 0
        match verb:
            case PauseVerb():
                return self._pause(verb, interruptible=interruptible)
            case SayVerb():
                event: PhoneEvent = Said(verb.text, verb.language, verb.voice, self._goes_on)
                self._hear(verb.text)
            case PlayVerb():
                event = Played(shown(document.resolve(verb.url)))
        for _ in range(min(verb.times, LOOPS_MAX)):
            if interruptible and self._early:
                break
            self._listener(event)
            if self._look(event, taken=interruptible):
                return Reason.CALLER
        return None

    def _hear(self, text: str) -> None:
        """A question that is said in several pieces is heard as one."""
        if self._goes_on and self._heard:
            self._heard[-1] += f" {text}"
        else:
            self._heard.append(text)

    def _pause(self, verb: PauseVerb, *, interruptible: bool) -> Outcome:
        event = Paused(verb.length_s)
        self._listener(event)
        for _ in range(round(verb.length_s / SLICE_S)):
            self._clock.sleep(SLICE_S)
            if self._look(event, taken=interruptible):
                return Reason.CALLER
            if interruptible and self._early:
                break
        return None

    def _look(self, event: PhoneEvent, *, taken: bool = False) -> bool:
        """Looks what the caller presses meanwhile; True where they hung up. Outside a Gather the carrier
        throws it away, unless it is one that keeps keys for the next.
        """
        pressed = self._caller.meanwhile(event)
        if isinstance(pressed, CallerHangUp):
            return True
        if taken or self._settings.keeps_keys:
            self._early += pressed
        return False

    def _gather(self, verb: GatherVerb, document: TwimlDocument) -> Outcome:
        action = document.resolve(verb.action)
        private = document.private or is_private(action)
        collector = self._listen(verb.prompts, Collector(verb.rules), document, action, private=private)
        if not isinstance(collector, Collector):
            return collector
        if not collector.digits and not verb.rules.action_on_empty_result:
            return None
        return self._ask(
            action, Digits=collector.digits, FinishedOnKey=collector.finished_on, msg="Gather End"
        )

    def _listen(
        self,
        prompts: Sequence[Prompt],
        collector: Collector,
        document: TwimlDocument,
        action: str,
        *,
        private: bool,
    ) -> Collector | Reason:
        """Says the prompts, which a key cuts short, and gives what was keyed."""
        self._redirects = 0
        for prompt in prompts:
            if self._early:
                break
            if self._prompt(prompt, document, interruptible=True) is not None:
                return Reason.CALLER
        self._early = collector.take(self._early)
        unasked = not prompts and not self._heard
        if not collector.complete and not collector.rules.action_on_empty_result and self._asks_on:
            return self._listen_through(collector)
        if not collector.complete and self._collect(collector, action, private=private, unasked=unasked):
            return Reason.CALLER
        self._heard.clear()
        keyed = collector.digits + collector.finished_on
        self._listener(Keyed(masked(keyed) if private else keyed))
        return collector

    def _listen_through(self, collector: Collector) -> Collector | Reason:
        """A Gather in the middle of a question: nobody is asked yet, and what is pressed all the same ends
        it. Silence goes on with the question.
        """
        breath = Paused(collector.rules.timeout_s)
        for _ in range(round(breath.length_s / SLICE_S)):
            self._clock.sleep(SLICE_S)
            if self._look(breath, taken=True):
                return Reason.CALLER
            self._early = collector.take(self._early)
            if collector.complete:
                break
        if collector.digits:
            self._heard.clear()
            self._listener(Keyed(collector.digits + collector.finished_on))
        self._goes_on = True
        return collector

    def _pay(self, verb: SimulatedPay, document: TwimlDocument) -> Outcome:
        self._pays += 1
        action = document.resolve(verb.action)
        name = f"{self._settings.call_sid}:{self._pays}"
        finished = PaySession(verb, self._line(verb, document, action), self._habits, name).run()
        if finished.over is not None:
            if finished.fields is not None:
                self._webhooks.progress(action, "completed", finished.fields)
            return finished.over
        return None if finished.fields is None else self._ask(action, **finished.fields)

    def _line(self, verb: SimulatedPay, document: TwimlDocument, action: str) -> PayLine:
        """What a Pay is lent: everything keyed is hidden, and a `#` behind the field before is forgotten."""

        def listen(says: Sequence[Prompt], rules: GatherRules) -> Collector | Reason:
            self._early = self._early.lstrip("#")
            return self._listen(says, Collector(rules), document, action, private=True)

        def say(says: Sequence[Prompt]) -> Reason | None:
            gone = any(self._prompt(each, document) is not None for each in says)
            return Reason.CALLER if gone else None

        def report(fields: Mapping[str, str]) -> None:
            if verb.status_callback is not None:
                self._webhooks.progress(document.resolve(verb.status_callback), self._status, fields)

        return PayLine(listen, say, report, self._clock.now)

    def _collect(self, collector: Collector, action: str, *, private: bool, unasked: bool) -> bool:
        """Waits for keys as long as the Gather does; True where the caller hung up. Who was asked nothing
        presses nothing, unless they are in the midst of a card.
        """
        pressed = masked(collector.digits) if private else collector.digits
        asked = KeysAsked(collector.rules, shown(action), private, pressed)
        self._listener(asked)
        began = self._clock.now()
        if self._settings.reaction_s and unasked and not private:
            self._clock.sleep(collector.rules.first_timeout_s)
            return False
        if self._settings.reaction_s and not collector.digits:
            self._clock.sleep(self._settings.reaction_s)
        keys = self._caller.keys(asked, tuple(self._heard))
        if isinstance(keys, CallerHangUp):
            return True
        self._early = collector.take(keys or "")
        waited = (self._clock.now() - began).total_seconds()
        rules = collector.rules
        timeout_s = rules.timeout_s if collector.digits else rules.first_timeout_s
        if not collector.complete and waited < timeout_s:
            self._clock.sleep(timeout_s - waited)
        return False

    def _redirect(self, url: str) -> Outcome:
        self._redirects += 1
        if self._redirects > self._limits.redirects:
            fault = f"{self._limits.redirects} redirects, and nothing was said"
            self._note(Faulted(REDIRECT_LOOP, shown(url), fault))
            return Reason.FAULT
        self._listener(Redirected(shown(url)))
        return self._ask(url)

    def _dial(self, verb: DialVerb, document: TwimlDocument) -> Outcome:
        self._redirects = 0
        answer = self._person(verb.number)
        event = Dialed(verb.number, answer)
        self._listener(event)
        if answer is DialStatus.NO_ANSWER:
            self._clock.sleep(verb.timeout_s)
        if self._look(event):
            return Reason.CALLER
        if verb.action is None:
            return None
        talked = {"DialCallDuration": "0"} if answer is DialStatus.COMPLETED else {}
        return self._ask(document.resolve(verb.action), DialCallStatus=answer, **talked)
