"""The last words, and then the line is hung up."""

from typing import Any

from flows.language import End, Step
from ivr.calls.session import Session
from ivr.calls.step_result import Over
from ivr.calls.turn import CallInput, Turn
from ivr.calls.wait_handler import WaitHandler
from ivr.calls.walk import Walk


class EndHandler(WaitHandler[End]):
    """Ends the call."""

    __slots__ = ()

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: End) -> Over:
        del step
        walk.say(wait.say)
        return Over()

    def resume(self, turn: Turn, session: Session, wait: End, given: CallInput) -> None:
        """The last words were said, and the carrier asks on."""
        del turn, session, wait, given
