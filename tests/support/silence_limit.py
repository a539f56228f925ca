"""A caller's patience: whoever listens is never left longer without a word than `SILENCE_MAX_S`.

Speech takes no time on the test's phone, so what is measured is the silence between two sentences. A question
waits for the caller, and a telephone that rings is heard: neither is silence.
"""

from datetime import timedelta

from ivr.platform.clock import Clock
from ivr.simulators.phone.events import Dialed, Keyed, KeysAsked, PhoneEvent, Played, Said

SILENCE_MAX_S = 10


class SilenceLimit:
    """A listener that raises where a caller would think that the line is dead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_word = clock.now()
        self._waits_for_us = False

    def __call__(self, event: PhoneEvent) -> None:
        now = self._clock.now()
        if not self._waits_for_us:
            assert now - self._last_word <= timedelta(seconds=SILENCE_MAX_S), f"silence until {event}"
        if isinstance(event, KeysAsked | Dialed):
            self._waits_for_us = True
        elif isinstance(event, Said | Played | Keyed) or self._waits_for_us:
            self._waits_for_us = False
            self._last_word = now
