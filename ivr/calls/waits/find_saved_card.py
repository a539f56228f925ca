"""The newest card that is kept for the caller and may be offered now."""

from flows.language import CardFacts, FindSavedCard
from ivr.calls.session import Session
from ivr.calls.turn import LeftBy, Turn
from ivr.calls.wait_handler import WaitHandler


class FindSavedCardHandler(WaitHandler[FindSavedCard]):
    """Finds it: not one that was declined in this call, and none where no card would be charged."""

    __slots__ = ()

    def start(self, turn: Turn, session: Session, wait: FindSavedCard) -> LeftBy:
        found, amount = None, wait.amount
        is_taken = amount is None or self.services.gateway.accepts(amount.minor, amount.currency)
        if is_taken and not self.services.refuses_cards(turn, self.services.payer_of(turn, session)):
            found = self.services.saved_card.to_offer(turn, session)
        if found is None:
            return LeftBy(session.with_card(saved_card_id=None), "none", {"saved_card": None})
        facts = {"saved_card": CardFacts(found.brand, found.last_four)}
        return LeftBy(session.with_card(saved_card_id=found.id), "found", facts)
