"""A decision of the flow: the call goes on by its exit."""

from dataclasses import replace
from typing import Any

from flows.language import Go, Step
from ivr.calls.wait_handler import WaitHandler
from ivr.calls.walk import Walk


class GoHandler(WaitHandler[Go[Any]]):
    """Takes the exit."""

    __slots__ = ()

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: Go[Any]) -> str:
        del step
        if wait.state is not None:
            walk.session = replace(walk.session, state=wait.state)
        return wait.exit
