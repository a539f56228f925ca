"""A person is rung. A talk with them ends the call; where nobody answers, it goes on."""

from flows.language import Transfer
from ivr.calls.response import Ring
from ivr.calls.session import Session
from ivr.calls.turn import CallInput, LeftBy, Turn, TurnEnd, WaitResult
from ivr.calls.wait_handler import WaitHandler

PERSON_TALKED = frozenset({"completed", "answered"})


class TransferHandler(WaitHandler[Transfer]):
    """Rings the configured number."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: Transfer) -> WaitResult:
        if not self.services.person_number:
            return LeftBy(session, "nobody")
        called = turn.row.to_number
        ring = Ring(self.services.person_number, caller_id=called if called.startswith("+") else None)
        return TurnEnd(session, ring, say=wait.say)

    def resume(self, turn: Turn, session: Session, wait: Transfer, given: CallInput) -> WaitResult | None:
        if given.dialled is None:
            return self.start(turn, session, wait)
        return None if given.dialled in PERSON_TALKED else LeftBy(session, "unanswered")
