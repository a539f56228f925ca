"""What a caller has heard by the time of a key. The carrier proves it, by which Gather took the key; where it
proves nothing, the clock says what can have been spoken.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.language import Choose, Step
from ivr.calls.answer import Gather, Renderer
from ivr.calls.progress import Listen, Utterance
from ivr.calls.session import Session


def question(
    renderer: Renderer, verbs: Sequence[str], said: Sequence[Utterance], listen: Listen
) -> tuple[list[str], Gather]:
    """The verbs of a question, and the Gather that ends the turn. Each key that must be heard first ends a
    piece of the question.
    """
    if not listen.heard_first:
        return [*verbs, *renderer.utter((*said, *listen.hints))], Gather(listen.keys, listen.timeout_s)
    *before, asked = said
    (first, *others), rest = renderer.pieces(asked, listen.heard_first)
    first = replace(first, before=(*verbs, *renderer.utter(before), *first.before))
    return [*rest, *renderer.utter(listen.hints)], Gather(listen.keys, listen.timeout_s, (first, *others))


def named(renderer: Renderer, step: Step[Any], session: Session, proven: str | None, elapsed_s: float) -> str:
    """The keys of this question that were named to the caller. `proven` is what the carrier proves; None
    where it proves nothing: the question was asked by the last release.
    """
    if not step.heard_first:
        return ""
    if proven is not None:
        return "".join(key for key in step.heard_first if key in proven)
    choose = step.run(session.state)
    if not isinstance(choose, Choose):
        raise TypeError(f"step {step.name} is a menu and returned {type(choose).__name__}")
    asked = Utterance(choose.say, (session.language,))
    return "".join(key for key in step.heard_first if renderer.spoken_s(asked, key) <= elapsed_s)
