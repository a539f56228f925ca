"""The host: gives each wait of a flow to the one who fulfils it.

May import the rest of `ivr.calls`. A wait is fulfilled when it is first met, resumed when the caller comes
back to it, and settled when its errand is answered.
"""

from flows.language import (
    Charge,
    CollectCard,
    End,
    FindBill,
    FindCallersBill,
    FindSavedCard,
    ForgetCard,
    MayKeepCard,
    Transfer,
)
from ivr.bills.lookup import MerchantBill, NotFound, Unreachable
from ivr.calls.answer import Ring
from ivr.calls.attempt_waits import AttemptWaits
from ivr.calls.bill_waits import BillWaits
from ivr.calls.card_waits import CardWaits
from ivr.calls.errands import Answer, AskMerchant, CollectEntry, EntryOpened, Errand, OpenEntry, PciSilent
from ivr.calls.fulfilment import Fulfilment, Left, Turn, Waiting
from ivr.calls.machine import HostWait
from ivr.calls.saved_card_waits import SavedCardWaits
from ivr.calls.session import Session
from ivr.pci_client import CardEntryResult

PERSON_TALKED = frozenset({"completed", "answered"})


class Host:
    """Fulfils the waits of every flow. `person_number` is whom Transfer rings; empty: nobody."""

    def __init__(
        self,
        *,
        bills: BillWaits,
        cards: CardWaits,
        saved_cards: SavedCardWaits,
        charges: AttemptWaits,
        person_number: str,
    ) -> None:
        self._bills = bills
        self._saved_cards = saved_cards
        self._cards = cards
        self._charges = charges
        self._person_number = person_number

    def fulfil(self, turn: Turn, session: Session, wait: HostWait) -> Fulfilment:  # noqa: PLR0911 - one line a wait
        """What a step waits for, as far as it goes without the network."""
        match wait:
            case FindBill(reference):
                return self._bills.find(turn, session, reference)
            case FindCallersBill():
                return self._bills.find_callers(turn, session)
            case FindSavedCard():
                return self._saved_cards.find(turn, session)
            case ForgetCard():
                return self._saved_cards.forget(turn, session)
            case MayKeepCard():
                return self._saved_cards.may_keep(turn, session)
            case CollectCard():
                return self._cards.open(turn, session, wait)
            case Charge():
                return self._charges.ask(turn, session, wait)
            case Transfer(say) if self._person_number:
                called = turn.row.to_number
                ring = Ring(self._person_number, caller_id=called if called.startswith("+") else None)
                return Waiting(session, ring, say=say)
            case Transfer():
                return Left(session, "nobody")

    def resume(self, turn: Turn, session: Session, wait: object, dialled: str | None) -> Fulfilment | None:
        """A wait that the caller comes back to; None where nothing is left to say: the call is over."""
        match wait:
            case CollectCard() if session.entry_id is not None:
                return self._cards.come_back(turn, session)
            case Charge() if session.charging:
                return self._charges.look(turn, session)
            case End():  # the last words were said, and the carrier asks on
                return None
            case Transfer() if dialled in PERSON_TALKED:
                return None
            case Transfer() if dialled is not None:
                return Left(session, "unanswered")
            case FindBill() | FindCallersBill() | CollectCard() | Charge() | Transfer():
                return self.fulfil(turn, session, wait)
            case _:
                raise TypeError(f"nothing to resume at step {session.step}")

    def settle(
        self, turn: Turn, session: Session, wait: object, errand: Errand, answer: Answer
    ) -> Fulfilment:
        """What an errand's answer means for the wait that needed it."""
        match errand, answer, wait:
            case AskMerchant(), MerchantBill() | NotFound() | Unreachable(), _:
                return self._bills.heard_from_merchant(turn, session, answer)
            case OpenEntry(), EntryOpened() | PciSilent(), CollectCard():
                return self._cards.opened(turn, session, wait, answer)
            case CollectEntry(), CardEntryResult() | PciSilent(), _:
                return self._cards.collected(turn, session, answer)
            case _:
                raise TypeError(f"{type(answer).__name__} answers no {type(errand).__name__}")
