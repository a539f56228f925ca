"""A card that is keyed where none is asked for: recognised, thrown away, and no answer to anything.

No I/O.
"""

from dataclasses import replace
from typing import Any

from flows.language import CallState
from ivr.calls.early_card import Tally
from ivr.calls.step_result import Listen, Progress
from ivr.calls.walk import Walk

CLEARED_AT_ONCE = 8
"""No Gather takes more keys outside the PCI process."""
CLEARING_TIMEOUT_S = 1
CARD_CLEARING_TIMEOUT_S = 3
"""The same after digits that begin a card: who reads them out in groups pauses between two."""
EARLY_MAX = 3
"""So many keys may come before they are named; after the last of them the caller is told to wait."""
LIKE_A_CARD_FROM = 3
"""So many digits in one go are no slip of a finger."""
CLEARINGS_MAX = 8
"""More than a card, its expiry and its code have, in groups of four."""


def clear(walk: Walk, before: Tally, keyed: str) -> Progress:
    """Throws a wrong key away, and whatever is pressed in one go with it, until a second passes without a
    key; only then the question is asked again. The wrong key may be the first of a card, which is full of
    ones and noughts, and none of them is to pay or to ring a person.

    The carrier measures that second: our own clock cannot tell a key that was pressed late from one that
    arrives late.
    """
    tally = before.add(keyed) if are_digits(keyed) else before
    walk.session = replace(walk.session, tally=tally).with_question(
        clearings=walk.session.question.clearings + 1
    )
    timeout_s = CARD_CLEARING_TIMEOUT_S if _is_of_a_card(tally) else CLEARING_TIMEOUT_S
    return walk.stop(Listen(CLEARED_AT_ONCE, timeout_s))


def clear_early(walk: Walk, before: Tally, keyed: str) -> Progress:
    """The same for a key that was pressed before it was named."""
    walk.session = replace(walk.session, clears_early=True)
    return clear(walk, before, keyed)


def cleared(walk: Walk, keyed: str) -> Progress:
    """These keys, or none, were pressed before the second was over."""
    tally = walk.session.tally.add(keyed) if are_digits(keyed) else walk.session.tally
    goes_on = len(keyed) >= CLEARED_AT_ONCE or (are_digits(keyed) and _is_of_a_card(tally))
    if goes_on and walk.session.question.clearings < CLEARINGS_MAX:
        return clear(walk, walk.session.tally, keyed)
    early = walk.session.clears_early
    walk.session = replace(walk.session, tally=Tally(), clears_early=False).with_question(clearings=0)
    walk.card_too_early = tally.holds_a_card
    if early and not tally.holds_a_card:
        return _too_early(walk)
    return walk.miss("host.card_too_early" if tally.holds_a_card else "host.no_match")


def _too_early(walk: Walk) -> Progress:
    """The question is asked again. Who presses a key before it is named, time after time, is told to wait for
    it; only then it counts as a miss.
    """
    early = walk.session.question.early + 1
    walk.session = walk.session.with_question(early=early)
    if early > EARLY_MAX:
        return walk.miss("host.wait_for_question")
    if early == EARLY_MAX:
        walk.say_server_prompt("host.wait_for_question")
    return walk.ask_again()


def goes_on_like_a_card(walk: Walk, keyed: str) -> bool:
    """Whether these keys were pressed in one go with an answer that was refused, before its question was
    asked again, and begin a card with it.
    """
    session = walk.session
    refused = session.visits.get(session.step, 0) > 1 and session.tally.count > 0
    return refused and are_digits(keyed) and session.tally.add(keyed).could_begin_a_card


def drop_rest(walk: Walk, keyed: str) -> Progress:
    """The rest of a card that is keyed as an amount: it is no row of amounts that are too large."""
    tally, before = walk.session.tally.add(keyed), walk.session.tally
    walk.session = replace(walk.session, tally=tally)
    if tally.could_be_a_card:
        walk.card_too_early = not before.could_be_a_card  # counted once
        walk.say_server_prompt("host.card_too_early")
    return walk.ask_again()


def card_too_early(walk: Walk, keyed: str, wanted: int, into: str, *, typed_ahead: bool) -> Progress | None:
    """Where these keys complete a card's number, or are the next piece of one that was keyed in one go: they
    are thrown away, with what an earlier turn had kept of them. Fewer keys than were `wanted` mean a pause
    after them: whatever comes next begins anew.
    """
    tally = walk.session.tally.add(keyed) if are_digits(keyed) else Tally()
    walk.session = replace(walk.session, tally=tally if len(keyed) >= wanted else Tally())
    if not tally.is_a_card and not (typed_ahead and tally.could_be_a_card):
        return None
    walk.session = replace(walk.session, tally=Tally(), state=with_keyed(walk.session.state, into, ""))
    walk.card_too_early = True
    return walk.miss("host.card_too_early")


def with_keyed(state: CallState, field: str, keyed: str) -> CallState:
    changes: dict[str, Any] = {field: keyed}
    return replace(state, **changes)


def _is_of_a_card(tally: Tally) -> bool:
    """A card's number, as far as it goes, or what follows it: its expiry, its code."""
    return tally.like_a_card and tally.count >= LIKE_A_CARD_FROM


def are_digits(keyed: str) -> bool:
    return keyed.isascii() and keyed.isdigit()
