"""What `pay_bill` keeps of a call besides the facts that waits bring: the state that its steps read.

`owed`, `chosen`, `keyed_card`, `kept_card`, `sent_link` and `issued` give what an earlier step must have
brought; where they raise, the graph is wrong, never the caller. A field may be added with a default; one in
use is renamed over two releases.
"""

from dataclasses import dataclass
from typing import TypeVar

from flows.language import Amount, BillFacts, CallState, CardFacts, LinkFacts, NotBroughtError, ReceiptFacts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PayBill(CallState):
    """The caller's way through one payment."""

    reference: str = ""
    """As keyed by the caller."""
    keyed: str = ""
    """An amount as keyed: whole units, `*` for the decimal point."""
    amount: Amount | None = None
    """What the caller chose to pay now."""
    cards_declined: int = 0

    @property
    def owed(self) -> BillFacts:
        return _there(self.bill, "a bill")

    @property
    def chosen(self) -> Amount:
        return _there(self.amount, "an amount")

    @property
    def keyed_card(self) -> CardFacts:
        return _there(self.card, "a card")

    @property
    def kept_card(self) -> CardFacts:
        return _there(self.saved_card, "a saved card")

    @property
    def sent_link(self) -> LinkFacts:
        return _there(self.link, "a link")

    @property
    def issued(self) -> ReceiptFacts:
        return _there(self.receipt, "a receipt")


def _there(value: T | None, what: str) -> T:
    if value is None:
        raise NotBroughtError(f"no step has brought {what}")
    return value
