"""The caller who pays the demo bill by themselves: `make call AUTO=1`, and the check of an installation.

Goes by what is asked for (how many digits, and whether under `/pci/`), never by the words of a prompt, so
that a translated or reworded flow is paid as well. Hangs up where the server goes round in circles.
"""

from collections.abc import Sequence

from ivr.platform.clock import Clock
from ivr.simulators.phone.events import KeysAsked, PhoneEvent
from ivr.simulators.phone.keys import HANG_UP, CallerHangUp

ASKED_MAX = 40
"""More questions than any payment has: something is wrong, and the caller hangs up."""
CARD_NUMBER_MIN = 12
CODE_DIGITS = 3
YES = "1"
"""First in every menu: the first language, this bill, all of it, yes."""
CARD = "4242424242424242"
CODE = "123"


class DemoCaller:
    """Answers each question of a payment; holds its card in no attribute that a repr would show."""

    def __init__(
        self, reference: str, number: str, expiry: str, code: str, postal_code: str = "28001"
    ) -> None:
        """`expiry` is MMYY."""
        self._reference = reference
        self._number = number
        self._after_number = [expiry, code, postal_code]
        self._next_fields: list[str] = []
        self._asked = 0

    @classmethod
    def with_test_card(cls, reference: str, clock: Clock) -> "DemoCaller":
        """The public test card that every issuer's sandbox approves, valid until the year after next."""
        now = clock.now()
        return cls(reference, CARD, f"{now.month:02}{(now.year + 2) % 100:02}", CODE)

    def keys(self, asked: KeysAsked, heard: Sequence[str]) -> str | CallerHangUp | None:  # noqa: ARG002 - never by words
        self._asked += 1
        if self._asked > ASKED_MAX:
            return HANG_UP
        if asked.private:
            return _finished(asked, self._of_the_card(asked))
        if asked.wanted == 1:
            return YES
        return _finished(asked, self._reference)

    def meanwhile(self, event: PhoneEvent) -> str | CallerHangUp:  # noqa: ARG002 - this caller listens to the end
        return ""

    def _of_the_card(self, asked: KeysAsked) -> str:
        """The number first; then expiry, code and postal code in the order in which they are asked."""
        if asked.wanted is None or asked.wanted >= CARD_NUMBER_MIN or not self._next_fields:
            self._next_fields = list(self._after_number)
            return self._number
        if asked.wanted == CODE_DIGITS and len(self._after_number[1]) == CODE_DIGITS:
            self._next_fields = self._after_number[2:]
            return self._after_number[1]
        return self._next_fields.pop(0)


def _finished(asked: KeysAsked, keys: str) -> str:
    """With the finish key where fewer digits are keyed than the Gather would wait for."""
    if asked.wanted is None or len(keys) < asked.wanted:
        return keys + asked.rules.finish_on_key
    return keys
