"""One turn through a flow, as a pure function: what was heard goes in, what to say and what is needed comes
out.

No I/O. The rules that are the same in every flow live here and in the two files below it: `walk` (two misses
and then onward, loops bounded by `visits_max`) and `stray_cards` (a card keyed too early is thrown away).
Here: `*` goes back, `0` asks for a person, an answer is taken.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flows.language import (
    Ask,
    Flow,
    Kind,
    NotBroughtError,
    Step,
)
from ivr.calls.early_card import Tally
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Listen, Progress
from ivr.calls.stray_cards import StrayCards, are_digits, with_keyed
from ivr.calls.walk import DIGITS_TIMEOUT_S, STRAYS_MAX

TYPED_AHEAD_S = 1.0
"""Whole answers that come sooner were keyed before the question: nobody keys eight digits in a second."""
CHANGES_MAX = 6
"""So often the language changes at one question, before that is a miss."""
BEGUN_MAX = 7
"""Of what was begun behind a star no more is kept, as of a reference: it may be a card."""
_FOR_GOOD = frozenset({Kind.CLOSE_LINK, Kind.FORGET_CARD})
"""What the host has done there cannot be undone: `*` does not lead behind it."""


def begin(flow: Flow[Any], session: Session) -> Progress:
    """The first turn."""
    return _Turn(flow, session).enter(flow.start)


def hear(flow: Flow[Any], session: Session, keys: Keys) -> Progress:
    """The turn after a question."""
    return _Turn(flow, session).hear(keys)


def leave(
    flow: Flow[Any], session: Session, exit_name: str, facts: Mapping[str, Any] | None = None
) -> Progress:
    """The turn after the host has fulfilled a wait: its exit, and the facts laid into the state."""
    state = replace(session.state, **(facts or {}))
    trail = () if flow.step(session.step).kind in _FOR_GOOD else session.trail
    return _Turn(flow, replace(session, state=state, trail=trail)).take(exit_name)


def is_listening(flow: Flow[Any], session: Session) -> bool:
    return flow.step(session.step).kind in {Kind.DIGITS, Kind.MENU}


class _Turn(StrayCards):
    """What was heard, and what it means at the step where the call stands."""

    def hear(self, keys: Keys) -> Progress:
        step = self.flow.step(self.session.step)
        keyed, begun = (keys.keyed or "").replace("#", ""), self.session.begun
        self.session = replace(self.session, begun="")
        if self.session.clearings:
            return self._cleared(keyed)
        if not keyed and not begun:
            return self._nothing(step, keys)
        typed_ahead = keys.elapsed_s < TYPED_AHEAD_S
        lone = None if begun else self._lone_key(step, keyed, typed_ahead=typed_ahead)
        if lone is not None:
            return lone
        if keys.keyed is None or (keyed.endswith("*") and not self._takes_a_point(step)):
            return self._ask_again()  # begun and lost, or cleared: that is no answer
        if step.kind is Kind.MENU:
            return self._heard_key(step, begun + keyed, keys.named, typed_ahead=typed_ahead)
        return self._heard_digits(step, begun + keyed, typed_ahead=typed_ahead)

    def _lone_key(self, step: Step[Any], keyed: str, *, typed_ahead: bool) -> Progress | None:
        """The keys that mean the same at every question."""
        match keyed:
            case "0":
                return self.enter(self.flow.person)
            case "*":
                return self._back()
            case "8" if self._changes_language(step, typed_ahead=typed_ahead):
                return self._change_language()
        return None

    def _nothing(self, step: Step[Any], keys: Keys) -> Progress:
        """`#` alone, which ended the Gather or, where it takes every key, is what it took; what a carrier
        that names no key may mean by it; or silence.
        """
        if keys.hashed or keys.keyed:
            return self._repeat()
        waited = keys.elapsed_s >= self._timeout_s(step.run(self.session.state))
        return self._silence() if waited else self._stray()

    def _silence(self) -> Progress:
        """A pause: whatever is keyed next begins anew."""
        self.session = replace(self.session, tally=Tally())
        return self._miss("host.no_input")

    def _changes_language(self, step: Step[Any], *, typed_ahead: bool) -> bool:
        """Whether 8 alone asks for the next language here: at every menu, and where no answer is as short as
        one digit. An 8 that goes on with a card, or was meant for an earlier question, does not.
        """
        if len(self.session.state.languages) < 2:  # noqa: PLR2004 - there is no other
            return False
        wait = step.run(self.session.state)
        if isinstance(wait, Ask):
            return wait.digits > 1
        return not (typed_ahead and (step.heard_first or self.session.tally.like_a_card))

    def _change_language(self) -> Progress:
        """The question is asked again in the next language, and the caller is remembered by it."""
        changes = self.session.changes + 1
        if changes > CHANGES_MAX:
            return self._miss("host.no_match")
        languages, now = self.session.state.languages, self.session.language
        following = (languages.index(now) + 1) % len(languages) if now in languages else 0
        self.session = replace(self.session, language=languages[following], changes=changes, tally=Tally())
        self.language_chosen = True
        return self._ask_again()

    def _heard_key(self, step: Step[Any], keyed: str, named: str, *, typed_ahead: bool) -> Progress:
        keyed = keyed.rpartition("*")[2]
        goes_on = typed_ahead and self.session.tally.like_a_card  # with what was keyed as an answer
        before = self.session.tally if goes_on else Tally()
        if keyed not in step.options:
            return self._clear(before, keyed)
        if step.heard_first and (typed_ahead or (keyed in step.heard_first and keyed not in named)):
            self.session = replace(self.session, clears_early=True)
            return self._clear(before, keyed)
        self.session = replace(self.session, tally=Tally())
        return self._answered(step.options[keyed])

    def _heard_digits(self, step: Step[Any], keyed: str, *, typed_ahead: bool) -> Progress:
        ask = step.run(self.session.state)
        if not isinstance(ask, Ask):
            raise TypeError(f"step {step.name} is of kind digits and returned {type(ask).__name__}")
        wanted = ask.at_most or ask.digits
        if ask.point and "*" in keyed:  # no card has a star, and whether this is an amount, the flow says
            self.session = replace(self.session, tally=Tally())
            return self._taken(ask, keyed) if len(keyed) <= wanted else self._miss("host.wrong_length")
        room, keyed = len(keyed), keyed.rpartition("*")[2]
        if len(keyed) < wanted <= room and len(keyed) <= BEGUN_MAX:
            return self._listen_on(keyed, wanted - len(keyed))
        if typed_ahead and len(keyed) >= wanted and self._goes_on_like_a_card(step, keyed):
            return self._rest_of_a_slip(keyed)
        too_early = self._card_too_early(keyed, wanted, ask.into, typed_ahead=typed_ahead)
        if too_early is not None:
            return too_early
        if not are_digits(keyed) or not ask.digits <= len(keyed) <= wanted:
            return self._miss("host.wrong_length")
        return self._taken(ask, keyed)

    def _taken(self, ask: Ask, keyed: str) -> Progress:
        self.session = replace(self.session, state=with_keyed(self.session.state, ask.into, keyed))
        return self._answered("heard")

    def _takes_a_point(self, step: Step[Any]) -> bool:
        ask = step.run(self.session.state)
        return isinstance(ask, Ask) and ask.point

    def _listen_on(self, begun: str, keys: int) -> Progress:
        """What a star cleared has filled the Gather before the answer was whole: the caller is keying on, and
        is not interrupted by a word.
        """
        if self.session.lone_hashes >= STRAYS_MAX:
            return self._miss("host.wrong_length")
        strays = self.session.lone_hashes + 1
        self.session = replace(self.session, begun=begun, tally=Tally(), lone_hashes=strays)
        return self._stop(Listen(keys, DIGITS_TIMEOUT_S))

    def _answered(self, exit_name: str) -> Progress:
        trail = (*self.session.trail, self.session.step)
        self.session = replace(self.session, trail=trail)
        return self.take(exit_name)

    def _back(self) -> Progress:
        """To the question before this one; an earlier, refused answer to this very question is not before
        it. One that cannot be asked any more, because what it is about was taken back since (a card, a bill),
        is passed over.
        """
        trail = list(self.session.trail)
        while trail and (trail[-1] == self.session.step or not self._can_be_asked(trail[-1])):
            trail.pop()
        if not trail:
            return self._ask_again()
        previous = trail.pop()
        self.session = replace(self.session, trail=tuple(trail), tally=Tally())
        return self.enter(previous)

    def _can_be_asked(self, name: str) -> bool:
        try:
            self.flow.step(name).run(self.session.state)
        except NotBroughtError:
            return False
        return True
