"""The way through a flow: from one step to the next until something is to be heard, fulfilled or over.

No I/O.
"""

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
from ivr.calls.progress import HostWait, Listen, Need, Over, Progress, Utterance
from ivr.calls.session import Session

MISSES_MAX = 2
STRAYS_MAX = 3
MENU_TIMEOUT_S = 6
DIGITS_TIMEOUT_S = 8
_CHAIN_MAX = 40


class Walk:
    """The turn under way; gone when it returns its progress."""

    def __init__(self, flow: Flow[Any], session: Session) -> None:
        self.flow = flow
        self.session = session
        self.said: list[Utterance] = []
        self.language_chosen = False
        self.card_too_early = False
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
            case Ask(say, digits, _, at_most, _):
                self._say(say)
                return self._stop(Listen(at_most or digits, DIGITS_TIMEOUT_S))
            case Choose(say, every_language):
                self._say(say, self.session.state.languages if every_language else ())
                return self._stop(Listen(1, MENU_TIMEOUT_S, step.heard_first))
            case End(say):
                self._say(say)
                return self._stop(Over())
            case wait if isinstance(wait, HostWait):
                return self._stop(Need(wait))
            case other:
                raise TypeError(f"step {step.name} returned {type(other).__name__}")

    def _miss(self, prompt: str) -> Progress:
        misses = self.session.misses + 1
        if misses >= MISSES_MAX:
            return self.take("gave_up")
        self.session = replace(self.session, misses=misses)
        self._say_host(prompt)
        return self._ask_again()

    def _stray(self) -> Progress:
        """What came was meant for an earlier question: this one is asked again, without a word about it."""
        if self.session.lone_hashes >= STRAYS_MAX:
            return self._miss("host.no_input")
        self.session = replace(self.session, lone_hashes=self.session.lone_hashes + 1)
        return self._ask_again()

    def _ask_again(self) -> Progress:
        return self._run(self.flow.step(self.session.step))

    def _say(self, say: Say | None, languages: tuple[str, ...] = ()) -> None:
        if say is not None:
            self.said.append(Utterance(say, languages or (self.session.language,)))

    def _say_host(self, key: str) -> None:
        self.said.append(Utterance(Say(key), (self.session.language,), by_host=True))

    def _stop(self, stop: Listen | Need | Over) -> Progress:
        return Progress(self.session, stop, tuple(self.said), self.language_chosen, self.card_too_early)
