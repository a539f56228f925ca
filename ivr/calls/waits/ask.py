"""Digits of the caller: how many are taken, what clears them, and when they are of a card."""

from dataclasses import replace
from typing import Any

from flows.language import Ask, Step
from ivr.calls import stray_cards
from ivr.calls.early_card import Tally
from ivr.calls.step_result import Keys, Listen, Progress
from ivr.calls.wait_handler import QuestionHandler
from ivr.calls.walk import STRAYS_MAX, Walk

TIMEOUT_S, AGAIN_TIMEOUT_S = 8, 12
"""After a miss there is more time, for who must find a paper."""
BEGUN_MAX = 7
"""So many digits that were begun after a star are kept, as many as of a reference: more may be of a card."""


class AskHandler(QuestionHandler[Ask]):
    """Hears digits."""

    __slots__ = ()

    @classmethod
    def timeout_s(cls, *, missed: bool) -> int:
        return AGAIN_TIMEOUT_S if missed else TIMEOUT_S

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: Ask) -> Listen:
        del step
        return Listen(wait.keys_max, cls.timeout_s(missed=walk.session.question.misses > 0))

    @classmethod
    def changes_language(cls, walk: Walk, step: Step[Any], wait: Ask, keys: Keys) -> bool:
        """Where no answer is as short as one digit."""
        del walk, step, keys
        return wait.digits > 1

    @classmethod
    def keeps_star(cls, wait: Ask) -> bool:
        return wait.point

    @classmethod
    def hear(cls, walk: Walk, step: Step[Any], wait: Ask, keyed: str, keys: Keys) -> Progress:
        del step
        wanted = wait.keys_max
        if wait.point and "*" in keyed:  # no card has a star, and whether this is an amount, the flow says
            walk.session = replace(walk.session, tally=Tally())
            return _taken(walk, wait, keyed) if len(keyed) <= wanted else walk.miss("host.wrong_length")
        room, keyed = len(keyed), keyed.rpartition("*")[2]
        if len(keyed) < wanted <= room and len(keyed) <= BEGUN_MAX:
            return _listen_on(walk, keyed, wanted - len(keyed))
        if keys.typed_ahead and len(keyed) >= wanted and stray_cards.goes_on_like_a_card(walk, keyed):
            return stray_cards.drop_rest(walk, keyed)
        too_early = stray_cards.card_too_early(walk, keyed, wanted, wait.into, typed_ahead=keys.typed_ahead)
        if too_early is not None:
            return too_early
        if not stray_cards.are_digits(keyed) or not wait.digits <= len(keyed) <= wanted:
            return walk.miss("host.wrong_length")
        return _taken(walk, wait, keyed)


def _taken(walk: Walk, wait: Ask, keyed: str) -> Progress:
    walk.session = replace(walk.session, state=stray_cards.with_keyed(walk.session.state, wait.into, keyed))
    return walk.answered("heard")


def _listen_on(walk: Walk, begun: str, keys: int) -> Progress:
    """What a star cleared has filled the Gather before the answer was whole: the caller is keying on, and is
    not interrupted by a word.
    """
    if walk.session.question.lone_hashes >= STRAYS_MAX:
        return walk.miss("host.wrong_length")
    strays = walk.session.question.lone_hashes + 1
    walk.session = replace(walk.session, tally=Tally()).with_question(begun=begun, lone_hashes=strays)
    return walk.stop(Listen(keys, TIMEOUT_S))
