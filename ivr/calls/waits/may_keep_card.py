"""Whether the card that was keyed can be kept for this caller, and is not already."""

from flows.language import MayKeepCard
from ivr.calls.session import Session
from ivr.calls.turn import LeftBy, Turn
from ivr.calls.wait_handler import WaitHandler


class MayKeepCardHandler(WaitHandler[MayKeepCard]):
    """Asks the saved cards."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: MayKeepCard) -> LeftBy:
        del wait
        return LeftBy(session, "may" if self.services.saved_card.may_be_kept(turn, session) else "may_not")
