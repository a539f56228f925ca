"""When a turn fails: said kindly in the caller's language, the same turn again or a person, and never a dead
end.

Needs no database: the language is looked up, and where that fails too the default is spoken.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ivr.calls.response import HangUp
from ivr.calls.turn import turn_url
from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.rendering import TwimlRenderer

log = structlog.get_logger()
TROUBLES_MAX = 2
"""How often one turn may fail before it is given up."""
UNKNOWN = "unknown"
"""Stands for the call's id where the carrier asks the fallback: it names no call of ours."""
_KEY_WAIT_S = 3


@dataclass(frozen=True, slots=True)
class FailedTurn:
    """Speaks where a turn could not. `person_number` is whom `0` rings; empty: nobody."""

    renderer: TwimlRenderer
    language_of: Callable[[str], str | None]
    default_language: str
    person_number: str

    def apology(self, call_id: str, number: int, times: int, query: str = "") -> str:
        """What is said when the turn has failed `times` times. `query`: what its retry needs to know."""
        said = self._words(call_id, "host.trouble")
        if times > TROUBLES_MAX:
            last = (
                [self._ring(call_id)]
                if self.person_number
                else [*self._words(call_id, "host.goodbye"), twiml.hangup()]
            )
            return twiml.document([*said, *last])
        if self.person_number:
            said += self._words(call_id, "host.offer_person")
        action = self.renderer.address(f"/voice/{call_id}/trouble/{number}/{times}")
        if query:
            action += f"?{query}"
        return twiml.document(
            [twiml.gather("".join(said), action=action, num_digits=1, timeout_s=_KEY_WAIT_S)]
        )

    def rings(self, key: str | None) -> bool:
        """Whether this key asks for a person, and there is one."""
        return key == "0" and bool(self.person_number)

    def person(self, call_id: str) -> str:
        """After an apology: `0`."""
        return twiml.document([*self._words(call_id, "host.connecting"), self._ring(call_id)])

    def retry(self, call_id: str, number: int, times: int, query: str) -> str:
        """After an apology: the same turn again."""
        known = f"troubles={times}&{query}" if query else f"troubles={times}"
        return twiml.document([twiml.redirect(f"{self.again(call_id, number)}?{known}")])

    def again(self, call_id: str, number: int) -> str:
        """Where the carrier asks for the same turn once more. A call whose first turn failed was not kept: it
        begins anew.
        """
        if call_id == UNKNOWN:
            return self.renderer.address("/voice/fallback")
        return self.renderer.address(turn_url(call_id, number) if number else "/voice/incoming")

    def person_left(self, call_id: str, dialled: str | None) -> str:
        """The talk with the person is over, or there was none."""
        if dialled in twiml.NOBODY_CAME:
            return twiml.document(
                [
                    *self._words(call_id, "host.nobody"),
                    *self._words(call_id, "host.goodbye"),
                    twiml.hangup(),
                ]
            )
        return twiml.document([twiml.hangup()])

    def one_moment(self, call_id: str) -> list[str]:
        """A word for somebody who waits."""
        return self._words(call_id, "host.rejoin")

    def goodbye(self, call_id: str) -> str:
        return self.renderer.document(self._words(call_id, "host.goodbye"), HangUp(), next_url="")

    def _ring(self, call_id: str) -> str:
        action = self.renderer.address(f"/voice/{call_id}/person")
        return twiml.dial(self.person_number, action=action, timeout_s=twiml.PERSON_TIMEOUT_S)

    def _words(self, call_id: str, key: str) -> list[str]:
        return self.renderer.server_prompt(key, self._language(call_id))

    def _language(self, call_id: str) -> str:
        try:
            return self.language_of(call_id) or self.default_language
        except Exception:
            log.exception("language_unknown", call_id=call_id)
            return self.default_language
