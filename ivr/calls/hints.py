"""What a caller is told after a question that they missed once: how to hear it again, go back, ask a person,
or leave.
"""

from collections.abc import Iterator

from flows.language import QuestionWait, Say
from ivr.calls.session import Session
from ivr.calls.step_result import Utterance


def hints(wait: QuestionWait, session: Session) -> Iterator[Utterance]:
    """After the question, so that a caller who knows the answer now need not listen to them."""
    languages = languages_of(wait, session)
    if wait.hint is not None:
        yield Utterance(wait.hint, languages)
    yield Utterance(Say("host.again"), languages, by_server=True)
    if session.state.slow_speech and not session.slow:
        yield Utterance(Say("host.again_slower"), languages, by_server=True)
    if session.trail:
        yield Utterance(Say("host.back"), languages, by_server=True)
    if session.state.person_available:
        yield Utterance(Say("host.offer_person"), languages, by_server=True)
    if wait.may_leave:
        yield Utterance(Say("host.hang_up"), languages, by_server=True)


def languages_of(wait: QuestionWait, session: Session) -> tuple[str, ...]:
    """In which languages the question is asked, and everything about it said."""
    return session.state.languages if wait.every_language else (session.language,)
