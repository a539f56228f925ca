"""One key out of a menu: which answers, which is thrown away, and which came before it was named."""

from dataclasses import replace
from typing import Any

from flows.language import Choose, Step
from ivr.calls import stray_cards
from ivr.calls.early_card import Tally
from ivr.calls.step_result import Keys, Listen, Progress
from ivr.calls.wait_handler import QuestionHandler
from ivr.calls.walk import Walk

TIMEOUT_S, AGAIN_TIMEOUT_S = 6, 10
"""After a miss there is more time, for who is slow with the keys."""


class ChooseHandler(QuestionHandler[Choose]):
    """Hears one key."""

    __slots__ = ()

    @classmethod
    def timeout_s(cls, *, missed: bool) -> int:
        return AGAIN_TIMEOUT_S if missed else TIMEOUT_S

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: Choose) -> Listen:
        del wait
        return Listen(1, cls.timeout_s(missed=walk.session.question.misses > 0), step.heard_first)

    @classmethod
    def changes_language(cls, walk: Walk, step: Step[Any], wait: Choose, keys: Keys) -> bool:
        """Not an 8 that goes on with a card, or was meant for an earlier question."""
        del wait
        return not (keys.typed_ahead and (step.heard_first or walk.session.tally.like_a_card))

    @classmethod
    def hear(cls, walk: Walk, step: Step[Any], wait: Choose, keyed: str, keys: Keys) -> Progress:
        del wait
        options = step.options or {}
        keyed = keyed.rpartition("*")[2]
        typed_ahead = keys.typed_ahead
        goes_on = typed_ahead and walk.session.tally.like_a_card  # with what was keyed as an answer
        before = walk.session.tally if goes_on else Tally()
        if keyed not in options:
            return stray_cards.clear(walk, before, keyed)
        unnamed = keyed in step.heard_first and keyed not in keys.named
        if step.heard_first and (typed_ahead or unnamed):
            return stray_cards.clear_early(walk, before, keyed)
        walk.session = replace(walk.session, tally=Tally())
        return walk.answered(options[keyed])
