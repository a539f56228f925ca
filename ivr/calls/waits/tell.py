"""Something is said, and the call goes on."""

from typing import Any

from flows.language import Step, Tell
from ivr.calls.wait_handler import WaitHandler
from ivr.calls.walk import Walk


class TellHandler(WaitHandler[Tell]):
    """Says it."""

    __slots__ = ()

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: Tell) -> str:
        del step
        walk.say(wait.say)
        return "then"
