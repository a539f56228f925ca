"""What the rest of the house does when an attempt moves: the one port through which payments reach timeline,
texts and webhooks.

Each method writes in the caller's transaction, so that the charge, its ledger entry and its one confirmation
record are committed together or not at all. What could go wrong: an exception here rolls the money's record
back; the sweep then asks the gateway again and comes back here, so a failure heals once its cause is mended.
"""

from typing import Protocol

import sqlalchemy as sa

from gateways.events import DisputeUpdated
from ivr.payments.attempts.store import Attempt
from ivr.payments.refunds.store import Refund
from ivr.payments.saved_cards.store import SavedCard


class Consequences(Protocol):
    """Called once for each thing that happened; the attempt is as it stands after the move."""

    def approved(self, tx: sa.Connection, attempt: Attempt) -> None:
        """The payer was charged. The ledger entry is written already."""
        ...

    def declined(self, tx: sa.Connection, attempt: Attempt) -> None:
        """The issuer said no; `attempt.decline` says why."""
        ...

    def not_charged(self, tx: sa.Connection, attempt: Attempt) -> None:
        """It ended without a charge or a decline: fenced, abandoned or voided."""
        ...

    def left_unheard(self, tx: sa.Connection, attempt: Attempt) -> None:
        """It had ended without a charge, and the caller hung up before they could hear so."""
        ...

    def link_opened(self, tx: sa.Connection, attempt: Attempt) -> None:
        """The payer can pay by a link from now on, and is to get it."""
        ...

    def unknown(self, tx: sa.Connection, attempt: Attempt) -> None:
        """It was lost from sight, for the first time. One of the above follows."""
        ...

    def for_a_person(self, tx: sa.Connection, attempt: Attempt) -> None:
        """Nobody could say for a day what became of it: somebody has to look and decide."""
        ...

    def disputed(self, tx: sa.Connection, attempt: Attempt, dispute: DisputeUpdated) -> None:
        """The payer's bank wants the money back, or has decided about it."""
        ...

    def refunded(self, tx: sa.Connection, attempt: Attempt, refund: Refund) -> None:
        """Money was given back. The ledger entry is written already."""
        ...

    def refund_declined(self, tx: sa.Connection, attempt: Attempt, refund: Refund) -> None:
        """The money asked back was not given back, and will not be under this refund."""
        ...

    def card_kept(self, tx: sa.Connection, card: SavedCard) -> None:
        """The gateway keeps a card for its payer's next payment."""
        ...

    def card_not_kept(self, tx: sa.Connection, card: SavedCard) -> None:
        """The payer had agreed, and the gateway will not keep it."""
        ...

    def card_forgotten(self, tx: sa.Connection, card: SavedCard) -> None:
        """Somebody wants it gone (`card.forgotten_by`): it is neither offered nor charged from now on."""
        ...
