"""What a call does at one kind of wait. Each handler stands in its own file of `ivr/calls/waits`.

`enter` (and `hear` of a question) are pure and belong to the machine. `start`, `resume` and `answered` run in
the turn's transaction: `start` when the wait is first met, `resume` when the caller comes back to it,
`answered` when the remote call that it needed has its answer.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flows.language import QuestionWait, Step, Wait
from ivr.calls.call_services import CallServices
from ivr.calls.remote_calls import RemoteCall, RemoteResponse
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Listen, Over, Progress
from ivr.calls.turn import CallInput, Turn, WaitResult
from ivr.calls.walk import Walk

W = TypeVar("W", bound=Wait)
Q = TypeVar("Q", bound=QuestionWait)


@dataclass(frozen=True, slots=True)
class WaitHandler(Generic[W]):
    """What a call does at one kind of wait."""

    services: CallServices

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: W) -> str | Listen | Over | None:
        """What the machine does here by itself: it takes an exit, asks the question, or ends the call. None:
        nothing, the wait has to be started.
        """
        del walk, step, wait
        return None

    def start(self, turn: Turn, session: Session, wait: W) -> WaitResult:
        """How far the wait goes without the network."""
        del turn
        raise TypeError(f"step {session.step}: a {type(wait).__name__} is done by the machine alone")

    def resume(self, turn: Turn, session: Session, wait: W, given: CallInput) -> WaitResult | None:
        """How far it goes now that the caller is back; None where the call is over."""
        del given
        return self.start(turn, session, wait)

    def answered(
        self, turn: Turn, session: Session, wait: W, call: RemoteCall, response: RemoteResponse
    ) -> WaitResult:
        """What the response to its remote call means for the wait."""
        del turn, session, wait
        raise TypeError(f"{type(response).__name__} answers no {type(call).__name__} of this wait")


class QuestionHandler(WaitHandler[Q]):
    """What the machine does at a question."""

    __slots__ = ()

    @classmethod
    def timeout_s(cls, *, missed: bool) -> int:
        """How long the answer is waited for; `missed`: the question was missed before."""
        raise NotImplementedError

    @classmethod
    def hear(cls, walk: Walk, step: Step[Any], wait: Q, keyed: str, keys: Keys) -> Progress:
        """What the keys mean, `keyed` together with what was begun before."""
        raise NotImplementedError

    @classmethod
    def changes_language(cls, walk: Walk, step: Step[Any], wait: Q, keys: Keys) -> bool:
        """Whether `8` alone asks for the next language here."""
        raise NotImplementedError

    @classmethod
    def keeps_star(cls, wait: Q) -> bool:
        """Whether a star after digits belongs to the answer; else it clears them."""
        del wait
        return False
