"""Asks for the deletion of the saved card. From then on it is neither offered nor charged; a job deletes it
at the gateway.
"""

from flows.language import ForgetCard
from ivr.calls.session import Session
from ivr.calls.turn import LeftBy, Turn
from ivr.calls.wait_handler import WaitHandler


class ForgetCardHandler(WaitHandler[ForgetCard]):
    """Asks for its deletion; the call does not wait for the gateway."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: ForgetCard) -> LeftBy:
        del wait
        self.services.saved_card.forget(turn, session)
        return LeftBy(session.with_card(saved_card_id=None), "then", {"saved_card": None})
