"""The way through a flow: from one step to the next until something is to be heard, fulfilled or over.

No I/O.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flows.language import (
    Ask,
    Choose,
    End,
    Flow,
    Go,
    Say,
    SetLanguage,
    Step,
    Tell,
)
from ivr.calls.hints import hints, languages_of
from ivr.calls.session import Session
from ivr.calls.step_result import HostWait, Listen, Need, Over, Progress, Utterance

MISSES_MAX = 2
UNHURRIED_MISSES_MAX = 3
STRAYS_MAX = 3
REPEATS_MAX = 10
"""So often one question is heard again by `#`; nobody who listens wants it more often."""
MENU_TIMEOUT_S = 6
DIGITS_TIMEOUT_S = 8
MENU_AGAIN_TIMEOUT_S, DIGITS_AGAIN_TIMEOUT_S = 10, 12
"""Behind a miss: who must find a paper, or is slow with the keys, has more time."""
_CHAIN_MAX = 40


class Walk:
    """The turn under way; gone when it returns its progress."""

    def __init__(self, flow: Flow[Any], session: Session) -> None:
        self.flow = flow
        self.session = session
        self.said: list[Utterance] = []
        self.language_chosen = False
        self.pace_chosen = False
        self.card_too_early = False
        self.missed_first = False
        self.chain = 0

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
            repeats=0,
            begun="",
            clearings=0,
            early=0,
            changes=0,
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
            case Ask() as ask:
                return self._listen(ask, Listen(ask.at_most or ask.digits, self._timeout_s(ask)))
            case Choose() as choose:
                return self._listen(choose, Listen(1, self._timeout_s(choose), step.heard_first))
            case End(say):
                self._say(say)
                return self._stop(Over())
            case wait if isinstance(wait, HostWait):
                return self._stop(Need(wait))
            case other:
                raise TypeError(f"step {step.name} returned {type(other).__name__}")

    def _listen(self, wait: Ask | Choose, listen: Listen) -> Progress:
        self.said.append(Utterance(wait.say, languages_of(wait, self.session)))
        behind = tuple(hints(wait, self.session)) if self.missed_first else ()
        return self._stop(replace(listen, hints=behind))

    def _timeout_s(self, wait: object) -> int:
        missed = self.session.misses > 0
        if isinstance(wait, Choose):
            return MENU_AGAIN_TIMEOUT_S if missed else MENU_TIMEOUT_S
        return DIGITS_AGAIN_TIMEOUT_S if missed else DIGITS_TIMEOUT_S

    def _miss(self, prompt: str) -> Progress:
        wait = self.flow.step(self.session.step).run(self.session.state)
        unhurried = isinstance(wait, Ask) and wait.unhurried
        misses = self.session.misses + 1
        if misses >= (UNHURRIED_MISSES_MAX if unhurried else MISSES_MAX):
            return self.take("gave_up")
        self.session = replace(self.session, misses=misses)
        self.missed_first = misses == 1
        self._say_host(prompt, languages_of(wait, self.session))
        if unhurried and self.missed_first:
            self._say_host("host.take_your_time")
        return self._ask_again()

    def _repeat(self) -> Progress:
        """`#` alone: a late one, or the wish to hear the question again. It is no miss, however late. Whoever
        wants it a second time hears it slower from then on, where the voices can.
        """
        if self.session.repeats >= REPEATS_MAX:
            return self._miss("host.no_match")
        self.session = replace(self.session, repeats=self.session.repeats + 1)
        if self.session.state.slow_speech and self.session.repeats % 2 == 0:
            self.session = replace(self.session, slow=not self.session.slow)
            self.pace_chosen = True
            self._say_host("host.slower" if self.session.slow else "host.faster")
        return self._ask_again()

    def _stray(self) -> Progress:
        """What came was meant for an earlier question: this one is asked again, without a word about it."""
        if self.session.lone_hashes >= STRAYS_MAX:
            return self._miss("host.no_input")
        self.session = replace(self.session, lone_hashes=self.session.lone_hashes + 1)
        return self._ask_again()

    def _ask_again(self) -> Progress:
        return self._run(self.flow.step(self.session.step))

    def _say(self, say: Say | None) -> None:
        if say is not None:
            self.said.append(Utterance(say, (self.session.language,)))

    def _say_host(self, key: str, languages: tuple[str, ...] = ()) -> None:
        self.said.append(Utterance(Say(key), languages or (self.session.language,), by_host=True))

    def _stop(self, stop: Listen | Need | Over) -> Progress:
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
