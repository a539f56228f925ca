"""Back to the web process by the carrier's fallback: with words, then with pauses, and with an end.

The carrier comes to our fallback if the web process did not answer, and our answer sends it there again. A
call that keeps coming back hears so; after `ROUNDS_MAX` rounds a person is dialled, or the call is ended.
Rounds are counted in this process's memory, so this works without a database; each process has its own
count.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ivr.carriers.twilio import twiml
from ivr.pci.speech import Speech
from ivr.platform.clock import Clock

ROUNDS_MAX = 6
PAUSE_S = 5
_FORGOTTEN_AFTER = timedelta(minutes=2)
_CALLS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class ReturnToWeb:
    """Documents that lead to the web process. Safe from any thread."""

    speech: Speech
    clock: Clock
    base_url: str
    web_url: str
    person_number: str
    """Whom to dial if the web process stays away; empty: nobody."""
    _rounds: OrderedDict[str, tuple[int, datetime]] = field(default_factory=OrderedDict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def document(
        self, call_sid: str, language: str | None, *, url: str | None = None, prompt: str = "back.moment"
    ) -> str:
        """To `url`, or to the web process's own fallback, which knows the call. `language`: None where it is
        not known. `prompt`: what is said the first time.
        """
        rounds = self._count(call_sid)
        onward = twiml.redirect(url or f"{self.web_url}/voice/fallback")
        if rounds == 1:
            return twiml.document([*self._say(prompt, language), onward])
        if rounds <= ROUNDS_MAX:
            return twiml.document([*self._say("back.still", language), twiml.pause(PAUSE_S), onward])
        if not self.person_number:
            return self._end(language)
        ring = twiml.dial(
            self.person_number, action=f"{self.base_url}/pci/fallback", timeout_s=twiml.PERSON_TIMEOUT_S
        )
        return twiml.document([*self._say("back.person", language), ring])

    def person_left(self, dialled: str) -> str:
        """The talk with the person is over, or there was none."""
        return self._end(None) if dialled in twiml.NOBODY_CAME else twiml.document([twiml.hangup()])

    def _end(self, language: str | None) -> str:
        return twiml.document([*self._say("back.goodbye", language), twiml.hangup()])

    def _say(self, prompt: str, language: str | None) -> list[str]:
        return [self.speech.say(prompt, one) for one in ([language] if language else self.speech.languages)]

    def _count(self, call_sid: str) -> int:
        now = self.clock.now()
        with self._lock:
            rounds, last = self._rounds.pop(call_sid, (0, now))
            rounds = 1 if now - last > _FORGOTTEN_AFTER else rounds + 1
            self._rounds[call_sid] = (rounds, now)
            if len(self._rounds) > _CALLS_MAX:
                self._rounds.popitem(last=False)
        return rounds
