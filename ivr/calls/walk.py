"""The way through a flow: from one step to the next until something is to be heard, done or over.

Rules that are the same at every step: two misses and then onward, loops bounded by `visits_max`. What a step
does is said by the handler of its wait. No I/O.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flows.language import Flow, QuestionWait, Say, Wait
from ivr.calls.session import AtQuestion, Session
from ivr.calls.step_result import Listen, Need, Over, Progress, Utterance

if TYPE_CHECKING:
    from ivr.calls.wait_handler import WaitHandler

MISSES_MAX = 2
UNHURRIED_MISSES_MAX = 3
STRAYS_MAX = 3
REPEATS_MAX = 10
"""So often one question is heard again by `#`; nobody who listens wants it more often."""
_CHAIN_MAX = 40


class Walk:
    """The steps of one turn; gone when it returns its progress."""

    def __init__(
        self, flow: Flow[Any], session: Session, handlers: Mapping[type[Wait], type["WaitHandler[Any]"]]
    ) -> None:
        """Raises UnknownStepError where this release does not know the session's step."""
        self.flow = flow
        self.session = session
        self.step = flow.step(session.step)
        """Where the call stands."""
        self.said: list[Utterance] = []
        self.language_chosen = False
        self.pace_chosen = False
        self.card_too_early = False
        self._missed_first = False
        self._handlers = handlers

    # On to another step -----------------------------------------------------------------------------------

    def take(self, exit_name: str) -> Progress:
        return self.enter(self.step.exits[exit_name])

    def enter(self, name: str) -> Progress:
        self._move_to(name)
        return self._go_on()

    def _go_on(self) -> Progress:
        """From step to step, until one has something to be heard, done, or said last."""
        for _ in range(_CHAIN_MAX):
            wait = self.step.run(self.session.state)
            if not isinstance(wait, self.step.wait):
                raise TypeError(f"step {self.step.name} returned {type(wait).__name__}")
            reached = self._handlers[self.step.wait].enter(self, self.step, wait)
            match reached:
                case str():
                    self._move_to(self.step.exits[reached])
                case None:
                    return self.stop(Need(wait))
                case Over():
                    return self.stop(reached)
                case Listen() if isinstance(wait, QuestionWait):
                    return self._ask(wait, reached)
        raise RuntimeError(f"flow {self.flow.name} goes round without asking anything, at {self.step.name}")

    def _move_to(self, name: str) -> None:
        visits = self.session.visits.get(name, 0) + 1
        if visits > self.flow.visits_max and name != self.flow.exhausted and self.flow.step(name).exits:
            name = self.flow.exhausted
            visits = self.session.visits.get(name, 0) + 1
        visited = {**self.session.visits, name: visits}
        self.step = self.flow.step(name)
        self.session = replace(self.session, step=name, visits=visited, question=AtQuestion())

    def answered(self, exit_name: str) -> Progress:
        """The question is answered: `*` leads back to it from now on."""
        self.session = replace(self.session, trail=(*self.session.trail, self.session.step))
        return self.take(exit_name)

    # The same question once more --------------------------------------------------------------------------

    def ask_again(self) -> Progress:
        return self._go_on()

    def miss(self, prompt: str) -> Progress:
        """No answer, or none that fits: the question is asked again, after this prompt."""
        wait = self.question()
        misses = self.session.question.misses + 1
        if misses >= (UNHURRIED_MISSES_MAX if wait.unhurried else MISSES_MAX):
            return self.take("gave_up")
        self.session = self.session.with_question(misses=misses)
        self._missed_first = misses == 1
        self.say_server_prompt(prompt, languages_of(wait, self.session))
        if wait.unhurried and self._missed_first:
            self.say_server_prompt("host.take_your_time")
        return self.ask_again()

    def repeat(self) -> Progress:
        """`#` alone: a late one, or the wish to hear the question again. It is no miss, however late. Whoever
        wants it a second time hears it slower from then on, where the voices can.
        """
        if self.session.question.repeats >= REPEATS_MAX:
            return self.miss("host.no_match")
        self.session = self.session.with_question(repeats=self.session.question.repeats + 1)
        if self.session.state.slow_speech and self.session.question.repeats % 2 == 0:
            self.session = replace(self.session, slow=not self.session.slow)
            self.pace_chosen = True
            self.say_server_prompt("host.slower" if self.session.slow else "host.faster")
        return self.ask_again()

    def stray(self) -> Progress:
        """What came was meant for an earlier question: this one is asked again, without a word about it."""
        if self.session.question.lone_hashes >= STRAYS_MAX:
            return self.miss("host.no_input")
        self.session = self.session.with_question(lone_hashes=self.session.question.lone_hashes + 1)
        return self.ask_again()

    def question(self) -> QuestionWait:
        """The question at which the call stands."""
        wait = self.step.run(self.session.state)
        if not isinstance(wait, QuestionWait):
            raise TypeError(f"step {self.session.step} asks a question and returned {type(wait).__name__}")
        return wait

    # What is said, and how the turn ends ------------------------------------------------------------------

    def say(self, say: Say | None) -> None:
        if say is not None:
            self.said.append(Utterance(say, (self.session.language,)))

    def say_server_prompt(self, key: str, languages: tuple[str, ...] = ()) -> None:
        self.said.append(Utterance(Say(key), languages or (self.session.language,), by_server=True))

    def _ask(self, wait: QuestionWait, listen: Listen) -> Progress:
        """The turn ends in this question."""
        self.said.append(Utterance(wait.say, languages_of(wait, self.session)))
        behind = tuple(hints(wait, self.session)) if self._missed_first else ()
        return self.stop(replace(listen, hints=behind))

    def stop(self, stop: Listen | Need | Over) -> Progress:
        """The turn ends here, with what was said so far."""
        if isinstance(stop, Listen):
            stop = replace(stop, hints=self._paced(stop.hints))
        return Progress(
            self.session,
            stop,
            self._paced(self.said),
            language_chosen=self.language_chosen,
            pace_chosen=self.pace_chosen,
            card_too_early=self.card_too_early,
        )

    def _paced(self, said: Iterable[Utterance]) -> tuple[Utterance, ...]:
        return tuple(replace(one, slow=self.session.slow) for one in said)


# What is said after a question that was missed once ------------------------------------------------------


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
