"""What the handlers of waits are built from: made once, when the web process starts."""

from dataclasses import dataclass

from gateways.contract import Capabilities
from ivr.calls.attempt_maker import AttemptMaker
from ivr.calls.caller_saved_card import CallerSavedCard
from ivr.calls.card_guard import CardGuard
from ivr.customers.reference_guesses import ReferenceGuesses
from ivr.payments.attempts.service import AttemptService
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids


@dataclass(frozen=True, slots=True)
class CallServices:
    """Everything that the waits of a call use."""

    attempts: AttemptService
    attempt_maker: AttemptMaker
    card_guard: CardGuard
    saved_card: CallerSavedCard
    guesses: ReferenceGuesses
    gateway: Capabilities
    asks_merchant: bool
    """Bills are also looked up in the merchant's own system."""
    carrier_takes_cards: bool
    """CARD_ENTRY=pay."""
    person_number: str
    """Whom a transfer rings; empty: nobody."""
    clock: Clock
    ids: Ids
