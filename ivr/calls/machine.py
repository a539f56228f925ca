"""One turn through a flow, as a pure function: what was heard goes in, what to say and what is needed comes
out.

May import `flows.language` and `ivr.calls.{session,progress,early_card}`. No I/O. The rules that are the
same in every flow live here: two misses and then onward, `*` back, `0` for a person, loops bounded by
`visits_max`, a card keyed too early thrown away.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flows.language import (
    Ask,
    CallState,
    Choose,
    End,
    Flow,
    Go,
    Kind,
    NotBroughtError,
    Say,
    SetLanguage,
    Step,
    Tell,
)
from ivr.calls.early_card import Tally
from ivr.calls.progress import HostWait, Keys, Listen, Need, Over, Progress, Utterance
from ivr.calls.session import Session

MISSES_MAX = 2
STRAYS_MAX = 3
MENU_TIMEOUT_S = 6
DIGITS_TIMEOUT_S = 8
TYPED_AHEAD_S = 1.0
"""Whole answers that come sooner were keyed before the question: nobody keys eight digits in a second."""
CLEARED_AT_ONCE = 8
"""No Gather takes more keys outside the PCI process."""
CLEARING_TIMEOUT_S = 1
CARD_CLEARING_TIMEOUT_S = 3
"""The same behind digits that begin a card: who reads them out in groups pauses between two."""
LIKE_A_CARD_FROM = 3
"""So many digits in one go are no slip of a finger."""
CLEARINGS_MAX = 8
"""More than a card, its expiry and its code have, in groups of four."""
BEGUN_MAX = 7
"""Of what was begun behind a star no more is kept, as of a reference: it may be a card."""
_CHAIN_MAX = 40
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


class _Turn:
    """The turn under way; gone when it returns its progress."""

    def __init__(self, flow: Flow[Any], session: Session) -> None:
        self.flow = flow
        self.session = session
        self.said: list[Utterance] = []
        self.language_chosen = False
        self.card_too_early = False
        self.chain = 0

    # What was heard ---------------------------------------------------------------------------------------

    def hear(self, keys: Keys) -> Progress:
        step = self.flow.step(self.session.step)
        timeout_s = MENU_TIMEOUT_S if step.kind is Kind.MENU else DIGITS_TIMEOUT_S
        keyed, begun = (keys.keyed or "").replace("#", ""), self.session.begun
        self.session = replace(self.session, begun="")
        if self.session.clearings:
            return self._cleared(keyed)
        if not keyed and not begun:
            return self._stray() if keys.elapsed_s < timeout_s else self._silence()
        if keyed == "0" and not begun:
            return self.enter(self.flow.person)
        if keyed == "*" and not begun:
            return self._back()
        if keyed.endswith("*") or keys.keyed is None:  # cleared, or begun and lost: that is no answer
            return self._ask_again()
        heard = self._heard_key if step.kind is Kind.MENU else self._heard_digits
        return heard(step, begun + keyed, typed_ahead=keys.elapsed_s < TYPED_AHEAD_S)

    def _silence(self) -> Progress:
        """A pause: whatever is keyed next begins anew."""
        self.session = replace(self.session, tally=Tally())
        return self._miss("host.no_input")

    def _heard_key(self, step: Step[Any], keyed: str, *, typed_ahead: bool) -> Progress:
        choose, keyed = step.run(self.session.state), keyed.rpartition("*")[2]
        if typed_ahead and isinstance(choose, Choose) and choose.heard_first:
            return self._stray()
        if keyed not in step.options:
            goes_on = typed_ahead and self.session.tally.like_a_card  # with what was keyed as an answer
            return self._clear(self.session.tally if goes_on else Tally(), keyed)
        self.session = replace(self.session, tally=Tally())
        return self._answered(step.options[keyed])

    def _clear(self, before: Tally, keyed: str) -> Progress:
        """A wrong key at a menu may be the first of many: a card is full of ones and noughts, and none of
        them is to pay or to ring a person. So whatever is pressed in one go with it is thrown away, until a
        second passes without a key, and only then the question is asked again. The carrier measures that
        second: our own clock cannot tell a key that was pressed late from one that arrives late.
        """
        tally = before.add(keyed) if _are_digits(keyed) else before
        self.session = replace(self.session, tally=tally, clearings=self.session.clearings + 1)
        timeout_s = CARD_CLEARING_TIMEOUT_S if _is_of_a_card(tally) else CLEARING_TIMEOUT_S
        return self._stop(Listen(CLEARED_AT_ONCE, timeout_s))

    def _cleared(self, keyed: str) -> Progress:
        """They pressed these keys, or none, before the second was over."""
        tally = self.session.tally.add(keyed) if _are_digits(keyed) else self.session.tally
        goes_on = len(keyed) >= CLEARED_AT_ONCE or (_are_digits(keyed) and _is_of_a_card(tally))
        if goes_on and self.session.clearings < CLEARINGS_MAX:
            return self._clear(self.session.tally, keyed)
        self.session = replace(self.session, tally=Tally(), clearings=0)
        self.card_too_early = tally.holds_a_card
        return self._miss("host.card_too_early" if tally.holds_a_card else "host.no_match")

    def _goes_on_like_a_card(self, step: Step[Any], keyed: str) -> bool:
        """Whether these keys were pressed in one go with an answer that was refused, before its question was
        asked again, and begin a card with it.
        """
        refused = self.session.visits.get(step.name, 0) > 1 and self.session.tally.count > 0
        return refused and _are_digits(keyed) and self.session.tally.add(keyed).could_begin_a_card

    def _rest_of_a_slip(self, keyed: str) -> Progress:
        """A card that is keyed as an amount is no row of amounts that are too large."""
        tally, before = self.session.tally.add(keyed), self.session.tally
        self.session = replace(self.session, tally=tally)
        if tally.could_be_a_card:
            self.card_too_early = not before.could_be_a_card  # counted once
            self._say_host("host.card_too_early")
        return self._ask_again()

    def _heard_digits(self, step: Step[Any], keyed: str, *, typed_ahead: bool) -> Progress:
        ask = step.run(self.session.state)
        if not isinstance(ask, Ask):
            raise TypeError(f"step {step.name} is of kind digits and returned {type(ask).__name__}")
        wanted = ask.at_most or ask.digits
        room, keyed = len(keyed), keyed.rpartition("*")[2]
        if len(keyed) < wanted <= room and len(keyed) <= BEGUN_MAX:
            return self._listen_on(keyed, wanted - len(keyed))
        if typed_ahead and len(keyed) >= wanted and self._goes_on_like_a_card(step, keyed):
            return self._rest_of_a_slip(keyed)
        too_early = self._card_too_early(keyed, wanted, ask.into, typed_ahead=typed_ahead)
        if too_early is not None:
            return too_early
        if not _are_digits(keyed) or not ask.digits <= len(keyed) <= wanted:
            return self._miss("host.no_match")
        self.session = replace(self.session, state=_with(self.session.state, ask.into, keyed))
        return self._answered("heard")

    def _listen_on(self, begun: str, keys: int) -> Progress:
        """What a star cleared has filled the Gather before the answer was whole: the caller is keying on, and
        is not interrupted by a word.
        """
        if self.session.lone_hashes >= STRAYS_MAX:
            return self._miss("host.no_match")
        strays = self.session.lone_hashes + 1
        self.session = replace(self.session, begun=begun, tally=Tally(), lone_hashes=strays)
        return self._stop(Listen(keys, DIGITS_TIMEOUT_S))

    def _card_too_early(self, keyed: str, wanted: int, into: str, *, typed_ahead: bool) -> Progress | None:
        """Where these keys complete a card's number, or are the next piece of one that was keyed in one go:
        they are thrown away, with what an earlier turn had kept of them. Fewer keys than were `wanted` mean a
        pause behind them: whatever comes next begins anew.
        """
        tally = self.session.tally.add(keyed) if _are_digits(keyed) else Tally()
        self.session = replace(self.session, tally=tally if len(keyed) >= wanted else Tally())
        if not tally.is_a_card and not (typed_ahead and tally.could_be_a_card):
            return None
        self.session = replace(self.session, tally=Tally(), state=_with(self.session.state, into, ""))
        self.card_too_early = True
        return self._miss("host.card_too_early")

    def _answered(self, exit_name: str) -> Progress:
        trail = (*self.session.trail, self.session.step)
        self.session = replace(self.session, trail=trail)
        return self.take(exit_name)

    def _miss(self, prompt: str) -> Progress:
        misses = self.session.misses + 1
        if misses >= MISSES_MAX:
            return self.take("gave_up")
        self.session = replace(self.session, misses=misses)
        self._say_host(prompt)
        return self._ask_again()

    def _stray(self) -> Progress:
        """What came was meant for an earlier question: this one is asked again, without a word about it."""
        if self.session.lone_hashes >= STRAYS_MAX:
            return self._miss("host.no_input")
        self.session = replace(self.session, lone_hashes=self.session.lone_hashes + 1)
        return self._ask_again()

    def _ask_again(self) -> Progress:
        return self._run(self.flow.step(self.session.step))

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

    # Where it leads ---------------------------------------------------------------------------------------

    def take(self, exit_name: str) -> Progress:
        return self.enter(self.flow.step(self.session.step).exits[exit_name])

    def enter(self, name: str) -> Progress:
        self.chain += 1
        if self.chain > _CHAIN_MAX:
            raise RuntimeError(f"flow {self.flow.name} goes round without asking anything, at {name}")
        visits = self.session.visits.get(name, 0) + 1
        if visits > self.flow.visits_max and name != self.flow.exhausted and self.flow.step(name).exits:
            name = self.flow.exhausted
            visits = self.session.visits.get(name, 0) + 1
        self.session = replace(
            self.session,
            step=name,
            visits={**self.session.visits, name: visits},
            misses=0,
            lone_hashes=0,
            begun="",
            clearings=0,
        )
        return self._run(self.flow.step(name))

    def _run(self, step: Step[Any]) -> Progress:  # noqa: PLR0911 - one line a kind of wait
        match step.run(self.session.state):
            case Tell(say):
                self._say(say)
                return self.take("then")
            case Go(exit_name, state):
                self.session = self.session if state is None else replace(self.session, state=state)
                return self.take(exit_name)
            case SetLanguage(language):
                self.session = replace(self.session, language=language)
                self.language_chosen = True
                return self.take("then")
            case Ask(say, digits, _, at_most):
                self._say(say)
                return self._stop(Listen(at_most or digits, DIGITS_TIMEOUT_S))
            case Choose(say, every_language):
                self._say(say, self.session.state.languages if every_language else ())
                return self._stop(Listen(1, MENU_TIMEOUT_S))
            case End(say):
                self._say(say)
                return self._stop(Over())
            case wait if isinstance(wait, HostWait):
                return self._stop(Need(wait))
            case other:
                raise TypeError(f"step {step.name} returned {type(other).__name__}")

    def _say(self, say: Say | None, languages: tuple[str, ...] = ()) -> None:
        if say is not None:
            self.said.append(Utterance(say, languages or (self.session.language,)))

    def _say_host(self, key: str) -> None:
        self.said.append(Utterance(Say(key), (self.session.language,), by_host=True))

    def _stop(self, stop: Listen | Need | Over) -> Progress:
        return Progress(self.session, stop, tuple(self.said), self.language_chosen, self.card_too_early)


def _with(state: CallState, field: str, keyed: str) -> CallState:
    changes: dict[str, Any] = {field: keyed}
    return replace(state, **changes)


def _is_of_a_card(tally: Tally) -> bool:
    """A card's number, as far as it goes, or what follows it: its expiry, its code."""
    return tally.like_a_card and tally.count >= LIKE_A_CARD_FROM


def _are_digits(keyed: str) -> bool:
    return keyed.isascii() and keyed.isdigit()
