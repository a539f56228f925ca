"""One turn through a flow, as a pure function: what was heard goes in, what to say and what is needed comes
out.

No I/O. Here are the keys that mean the same at every question: `*` goes back, `0` asks for a person, `8`
changes the language, `#` repeats. `walk` goes from step to step; what a wait does is in its own file of
`waits`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flows.language import Flow, NotBroughtError, QuestionWait, Step
from ivr.calls import stray_cards
from ivr.calls.early_card import Tally
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Progress
from ivr.calls.wait_handler import QuestionHandler
from ivr.calls.waits import HANDLERS
from ivr.calls.walk import Walk

CHANGES_MAX = 6
"""So often the language changes at one question, before that is a miss."""


def begin(flow: Flow[Any], session: Session) -> Progress:
    """The first turn."""
    return Walk(flow, session, HANDLERS).enter(flow.start)


def hear(flow: Flow[Any], session: Session, keys: Keys) -> Progress:
    """The turn after a question."""
    keyed, begun = (keys.keyed or "").replace("#", ""), session.question.begun
    walk = Walk(flow, session.with_question(begun=""), HANDLERS)
    if session.question.clearings:
        return stray_cards.cleared(walk, keyed)
    if not keyed and not begun:
        return _no_keys(walk, keys)
    question, handler = walk.question(), _handler_at(walk.step)
    lone = None if begun else _lone_key(walk, question, keyed, keys)
    if lone is not None:
        return lone
    if keys.keyed is None or (keyed.endswith("*") and not handler.keeps_star(question)):
        return walk.ask_again()  # begun and lost, or cleared: that is no answer
    return handler.hear(walk, walk.step, question, begun + keyed, keys)


def leave(
    flow: Flow[Any], session: Session, exit_name: str, facts: Mapping[str, Any] | None = None
) -> Progress:
    """The turn after a wait was done: its exit, and the facts put into the state."""
    walk = Walk(flow, session, HANDLERS)
    trail = () if walk.step.wait.is_final else session.trail
    walk.session = replace(session, state=replace(session.state, **(facts or {})), trail=trail)
    return walk.take(exit_name)


def _handler_at(step: Step[Any]) -> type[QuestionHandler[Any]]:
    handler = HANDLERS[step.wait]
    if not issubclass(handler, QuestionHandler):
        raise TypeError(f"step {step.name} asks nothing")
    return handler


# The keys that mean the same at every question ------------------------------------------------------------


def _lone_key(walk: Walk, question: QuestionWait, keyed: str, keys: Keys) -> Progress | None:
    match keyed:
        case "0":
            return walk.enter(walk.flow.person)
        case "*":
            return _back(walk)
        case "8" if len(walk.session.state.languages) > 1:
            if _handler_at(walk.step).changes_language(walk, walk.step, question, keys):
                return _change_language(walk)
    return None


def _no_keys(walk: Walk, keys: Keys) -> Progress:
    """`#` alone, which ended the Gather or, where it takes every key, is what it took; what a carrier that
    names no key may mean by it; or silence.
    """
    if keys.hashed or keys.keyed:
        return walk.repeat()
    missed = walk.session.question.misses > 0
    if keys.elapsed_s < _handler_at(walk.step).timeout_s(missed=missed):
        return walk.stray()
    walk.session = replace(walk.session, tally=Tally())  # whatever is keyed after a pause begins anew
    return walk.miss("host.no_input")


def _change_language(walk: Walk) -> Progress:
    """The question is asked again in the next language, and the caller is remembered by it."""
    changes = walk.session.question.changes + 1
    if changes > CHANGES_MAX:
        return walk.miss("host.no_match")
    languages, now = walk.session.state.languages, walk.session.language
    following = (languages.index(now) + 1) % len(languages) if now in languages else 0
    walk.session = replace(walk.session, language=languages[following], tally=Tally()).with_question(
        changes=changes
    )
    walk.language_chosen = True
    return walk.ask_again()


def _back(walk: Walk) -> Progress:
    """To the question before this one; an earlier, refused answer to this very question is not before it. One
    that cannot be asked any more, because what it is about was taken back since (a card, a bill), is passed
    over.
    """
    trail = list(walk.session.trail)
    while trail and (trail[-1] == walk.session.step or not _can_be_asked(walk, trail[-1])):
        trail.pop()
    if not trail:
        return walk.ask_again()
    previous = trail.pop()
    walk.session = replace(walk.session, trail=tuple(trail), tally=Tally())
    return walk.enter(previous)


def _can_be_asked(walk: Walk, name: str) -> bool:
    try:
        walk.flow.step(name).run(walk.session.state)
    except NotBroughtError:
        return False
    return True
