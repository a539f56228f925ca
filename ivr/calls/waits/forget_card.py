"""The saved card is deleted: the caller's word is enough, whatever the gateway answers."""

from flows.language import ForgetCard
from ivr.calls.session import Session
from ivr.calls.turn import LeftBy, Turn
from ivr.calls.wait_handler import WaitHandler


class ForgetCardHandler(WaitHandler[ForgetCard]):
    """Deletes it."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: ForgetCard) -> LeftBy:
        del wait
        self.services.saved_card.forget(turn, session)
        return LeftBy(session.with_card(saved_card_id=None), "then", {"saved_card": None})
