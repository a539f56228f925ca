"""A card that is keyed where none is asked for: recognised, thrown away, and no answer to anything.

No I/O.
"""

from dataclasses import replace
from typing import Any

from flows.language import CallState, Step
from ivr.calls.early_card import Tally
from ivr.calls.step_result import Listen, Progress
from ivr.calls.walk import Walk

CLEARED_AT_ONCE = 8
"""No Gather takes more keys outside the PCI process."""
CLEARING_TIMEOUT_S = 1
CARD_CLEARING_TIMEOUT_S = 3
"""The same behind digits that begin a card: who reads them out in groups pauses between two."""
EARLY_MAX = 3
"""So many keys may come before they are named; behind the last of them the caller is told to wait."""
LIKE_A_CARD_FROM = 3
"""So many digits in one go are no slip of a finger."""
CLEARINGS_MAX = 8
"""More than a card, its expiry and its code have, in groups of four."""


class StrayCards(Walk):
    """What a turn does with keys that may be of a card."""

    def _clear(self, before: Tally, keyed: str) -> Progress:
        """A wrong key at a menu may be the first of many: a card is full of ones and noughts, and none of
        them is to pay or to ring a person. So whatever is pressed in one go with it is thrown away, until a
        second passes without a key, and only then the question is asked again. The carrier measures that
        second: our own clock cannot tell a key that was pressed late from one that arrives late.
        """
        tally = before.add(keyed) if are_digits(keyed) else before
        self.session = replace(self.session, tally=tally, clearings=self.session.clearings + 1)
        timeout_s = CARD_CLEARING_TIMEOUT_S if _is_of_a_card(tally) else CLEARING_TIMEOUT_S
        return self._stop(Listen(CLEARED_AT_ONCE, timeout_s))

    def _cleared(self, keyed: str) -> Progress:
        """They pressed these keys, or none, before the second was over."""
        tally = self.session.tally.add(keyed) if are_digits(keyed) else self.session.tally
        goes_on = len(keyed) >= CLEARED_AT_ONCE or (are_digits(keyed) and _is_of_a_card(tally))
        if goes_on and self.session.clearings < CLEARINGS_MAX:
            return self._clear(self.session.tally, keyed)
        early = self.session.clears_early
        self.session = replace(self.session, tally=Tally(), clearings=0, clears_early=False)
        self.card_too_early = tally.holds_a_card
        if early and not tally.holds_a_card:
            return self._too_early()
        return self._miss("host.card_too_early" if tally.holds_a_card else "host.no_match")

    def _too_early(self) -> Progress:
        """The question is asked again. Who presses a key before it is named, time after time, is told to wait
        for it; only then it counts as a miss.
        """
        early = self.session.early + 1
        self.session = replace(self.session, early=early)
        if early > EARLY_MAX:
            return self._miss("host.wait_for_question")
        if early == EARLY_MAX:
            self._say_host("host.wait_for_question")
        return self._ask_again()

    def _goes_on_like_a_card(self, step: Step[Any], keyed: str) -> bool:
        """Whether these keys were pressed in one go with an answer that was refused, before its question was
        asked again, and begin a card with it.
        """
        refused = self.session.visits.get(step.name, 0) > 1 and self.session.tally.count > 0
        return refused and are_digits(keyed) and self.session.tally.add(keyed).could_begin_a_card

    def _rest_of_a_slip(self, keyed: str) -> Progress:
        """A card that is keyed as an amount is no row of amounts that are too large."""
        tally, before = self.session.tally.add(keyed), self.session.tally
        self.session = replace(self.session, tally=tally)
        if tally.could_be_a_card:
            self.card_too_early = not before.could_be_a_card  # counted once
            self._say_host("host.card_too_early")
        return self._ask_again()

    def _card_too_early(self, keyed: str, wanted: int, into: str, *, typed_ahead: bool) -> Progress | None:
        """Where these keys complete a card's number, or are the next piece of one that was keyed in one go:
        they are thrown away, with what an earlier turn had kept of them. Fewer keys than were `wanted` mean a
        pause behind them: whatever comes next begins anew.
        """
        tally = self.session.tally.add(keyed) if are_digits(keyed) else Tally()
        self.session = replace(self.session, tally=tally if len(keyed) >= wanted else Tally())
        if not tally.is_a_card and not (typed_ahead and tally.could_be_a_card):
            return None
        self.session = replace(self.session, tally=Tally(), state=with_keyed(self.session.state, into, ""))
        self.card_too_early = True
        return self._miss("host.card_too_early")


def with_keyed(state: CallState, field: str, keyed: str) -> CallState:
    changes: dict[str, Any] = {field: keyed}
    return replace(state, **changes)


def _is_of_a_card(tally: Tally) -> bool:
    """A card's number, as far as it goes, or what follows it: its expiry, its code."""
    return tally.like_a_card and tally.count >= LIKE_A_CARD_FROM


def are_digits(keyed: str) -> bool:
    return keyed.isascii() and keyed.isdigit()
