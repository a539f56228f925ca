"""Gives each wait of a flow to its handler."""

from typing import Any

from flows.language import Wait
from ivr.calls.call_input import CallInput
from ivr.calls.call_services import CallServices
from ivr.calls.remote_calls import RemoteCall, RemoteResponse
from ivr.calls.session import Session
from ivr.calls.wait_handler import WaitHandler
from ivr.calls.wait_result import Turn, WaitResult
from ivr.calls.waits import HANDLERS


class WaitDispatch:
    """Starts the waits of every flow, resumes them, and gives them the answers of their remote calls."""

    def __init__(self, services: CallServices) -> None:
        self._handlers = {wait: handler(services) for wait, handler in HANDLERS.items()}

    def start(self, turn: Turn, session: Session, wait: Wait) -> WaitResult:
        return self._handler(wait).start(turn, session, wait)

    def resume(self, turn: Turn, session: Session, wait: Wait, given: CallInput) -> WaitResult | None:
        return self._handler(wait).resume(turn, session, wait, given)

    def answered(
        self, turn: Turn, session: Session, wait: Wait, call: RemoteCall, response: RemoteResponse
    ) -> WaitResult:
        return self._handler(wait).answered(turn, session, wait, call, response)

    def _handler(self, wait: Wait) -> WaitHandler[Any]:
        return self._handlers[type(wait)]
