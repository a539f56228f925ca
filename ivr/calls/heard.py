"""What a caller has heard by the time of a key. The carrier proves it, by which Gather took the key; where it
proves nothing, the clock says what can have been spoken.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flows.language import Flow, QuestionWait, Step
from ivr.calls.response import CarrierRenderer, Gather
from ivr.calls.session import Session, SpokenQuestion
from ivr.calls.step_result import Listen, Utterance


def question(
    renderer: CarrierRenderer,
    flow: Flow[Any],
    verbs: Sequence[str],
    *,
    said: Sequence[Utterance],
    listen: Listen,
    release: str,
) -> tuple[list[str], Gather, SpokenQuestion]:
    """The verbs of a question, the Gather that ends the turn, and the question as it is recorded where the
    caller agrees to something. Each key that must be heard first ends a piece of the question.
    """
    if not listen.heard_first:
        verbs = [*verbs, *renderer.utter((*said, *listen.hints))]
        return verbs, Gather(listen.keys, listen.timeout_s), SpokenQuestion()
    *before, last = said
    (first, *others), rest = renderer.pieces(last, listen.heard_first)
    first = replace(first, before=(*verbs, *renderer.utter(before), *first.before))
    gather = Gather(listen.keys, listen.timeout_s, (first, *others))
    asked = SpokenQuestion(f"{flow.name}:{last.say.key}", renderer.wording(last), release)
    return [*rest, *renderer.utter(listen.hints)], gather, asked


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
