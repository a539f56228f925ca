"""What a caller has heard by the time of a key. The carrier proves it, by which Gather took the key; where it
proves nothing, the clock says what can have been spoken.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.language import Flow, QuestionWait, Step
from ivr.calls.response import CarrierRenderer, Gather
from ivr.calls.session import Asked, Session
from ivr.calls.step_result import Listen, Utterance


def question(
    renderer: CarrierRenderer, verbs: Sequence[str], said: Sequence[Utterance], listen: Listen
) -> tuple[list[str], Gather]:
    """The verbs of a question, and the Gather that ends the turn. Each key that must be heard first ends a
    piece of the question.
    """
    if not listen.heard_first:
        return [*verbs, *renderer.utter((*said, *listen.hints))], Gather(listen.keys, listen.timeout_s)
    *before, last = said
    (first, *others), rest = renderer.pieces(last, listen.heard_first)
    first = replace(first, before=(*verbs, *renderer.utter(before), *first.before))
    return [*rest, *renderer.utter(listen.hints)], Gather(listen.keys, listen.timeout_s, (first, *others))


def asked(
    renderer: CarrierRenderer, flow: Flow[Any], said: Sequence[Utterance], listen: Listen, release: str
) -> Asked:
    """The question that ends the turn, as the record of what the caller agrees to has it."""
    if not listen.heard_first:
        return Asked()
    question = said[-1]
    return Asked(f"{flow.name}:{question.say.key}", renderer.wording(question), release)


def named(
    renderer: CarrierRenderer, step: Step[Any], session: Session, proven: str | None, elapsed_s: float
) -> str:
    """The keys of this question that were named to the caller. `proven` is what the carrier proves; None
    where it proves nothing: the question was asked by the last release.
    """
    if not step.heard_first:
        return ""
    if proven is not None:
        return "".join(key for key in step.heard_first if key in proven)
    wait = step.run(session.state)
    if not isinstance(wait, QuestionWait):
        raise TypeError(f"step {step.name} is a menu and returned {type(wait).__name__}")
    question = Utterance(wait.say, (session.language,))
    return "".join(key for key in step.heard_first if renderer.spoken_s(question, key) <= elapsed_s)
