"""The host: gives each wait of a flow to the one who fulfils it.

A wait is fulfilled when it is first met, resumed when the caller comes back to it, and settled when its
errand is answered.
"""

from flows.language import (
    Charge,
    CloseLink,
    CollectCard,
    End,
    FindBill,
    FindCallersBill,
    FindSavedCard,
    ForgetCard,
    MayKeepCard,
    SendLink,
    Transfer,
)
from ivr.calls.remote_calls import (
    Answer,
    AskMerchant,
    CollectEntry,
    EntryOpened,
    Errand,
    OpenEntry,
    PciSilent,
)
from ivr.calls.response import Ring
from ivr.calls.session import Session
from ivr.calls.step_result import HostWait
from ivr.calls.wait_result import Fulfilment, Left, Turn, Waiting
from ivr.calls.waits.bill import BillWaits
from ivr.calls.waits.card import CardWaits
from ivr.calls.waits.charge import AttemptWaits
from ivr.calls.waits.link import LinkWaits
from ivr.calls.waits.saved_card import SavedCardWaits
from ivr.integrations.bill_lookup import MerchantBill, NotFound, Unreachable
from ivr.integrations.pci_client import CardEntryResult

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
        links: LinkWaits,
        person_number: str,
    ) -> None:
        self._bills = bills
        self._saved_cards = saved_cards
        self._cards = cards
        self._charges = charges
        self._links = links
        self._person_number = person_number

    def fulfil(  # noqa: PLR0911 - one line a kind of wait
        self, turn: Turn, session: Session, wait: HostWait
    ) -> Fulfilment:
        """What a step waits for, as far as it goes without the network."""
        match wait:
            case FindBill(reference):
                return self._bills.find(turn, session, reference)
            case FindCallersBill():
                return self._bills.find_callers(turn, session)
            case FindSavedCard() | ForgetCard() | MayKeepCard():
                return self._saved_cards.fulfil(turn, session, wait)
            case CollectCard():
                return self._cards.open(turn, session, wait)
            case Charge():
                return self._charges.ask(turn, session, wait)
            case SendLink():
                return self._links.send(turn, session, wait)
            case CloseLink():
                return self._links.close(turn, session, wait)
            case Transfer(say) if self._person_number:
                called = turn.row.to_number
                ring = Ring(self._person_number, caller_id=called if called.startswith("+") else None)
                return Waiting(session, ring, say=say)
            case Transfer():
                return Left(session, "nobody")

    def resume(  # noqa: PLR0911 - the same
        self, turn: Turn, session: Session, wait: object, dialled: str | None, card: CardEntryResult | None
    ) -> Fulfilment | None:
        """A wait that the caller comes back to; None where nothing is left to say: the call is over.

        `card` is what became of one that the carrier took by itself.
        """
        match wait:
            case CollectCard() if session.entry_id is not None:
                return self._cards.come_back(turn, session, card)
            case Charge() if session.charging:
                return self._charges.look(turn, session)
            case SendLink() if session.charging:
                return self._links.look(turn, session)
            case CloseLink() if session.waiting_since is not None:
                return self._links.look_whether_closed(turn, session)
            case End():  # the last words were said, and the carrier asks on
                return None
            case Transfer() if dialled in PERSON_TALKED:
                return None
            case Transfer() if dialled is not None:
                return Left(session, "unanswered")
            case other if isinstance(other, HostWait):
                return self.fulfil(turn, session, other)
            case _:
                raise TypeError(f"nothing to resume at step {session.step}")

    def settle(
        self, turn: Turn, session: Session, wait: object, errand: Errand, answer: Answer
    ) -> Fulfilment:
        """What an errand's answer means for the wait that needed it."""
        match errand, answer, wait:
            case AskMerchant(reference), MerchantBill() | NotFound() | Unreachable(), _:
                return self._bills.heard_from_merchant(turn, session, reference, answer)
            case OpenEntry(), EntryOpened() | PciSilent(), CollectCard():
                return self._cards.opened(turn, session, wait, answer)
            case CollectEntry(), CardEntryResult() | PciSilent(), _:
                return self._cards.collected(turn, session, answer)
            case _:
                raise TypeError(f"{type(answer).__name__} answers no {type(errand).__name__}")
