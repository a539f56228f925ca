"""One turn of a call: what the webhook brings, the turn under way, and how far its wait came.

A wait is left by an exit, goes on in the next turn, or needs a remote call first.
"""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from flows.language import Say
from ivr.calls.remote_calls import RemoteCall
from ivr.calls.response import Ending
from ivr.calls.session import Session
from ivr.calls.store import CallRow
from ivr.customers.caller import Caller
from ivr.fraud.identity import Proof, proof_of
from ivr.integrations.pci_client import CardEntryResult


@dataclass(frozen=True, slots=True)
class CallInput:
    """Empty where the carrier just goes on."""

    digits: str | None = None
    hashed: bool = False
    """`#` ended what was keyed, or is all that was."""
    named: str | None = None
    """The keys that were named to the caller before theirs, as the carrier proves; None: it does not.
    Where keys are carried on to another webhook, this is carried on, too.
    """
    dialled: str | None = None
    """How the dialled person's line answered, in the carrier's word."""
    card: CardEntryResult | None = None
    """What became of a card that the carrier took by itself."""
    is_retry: bool = False
    """The turn failed before: what was not brought back was lost by us, and is no silence of the caller's."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn under way: its transaction, its call, its number."""

    tx: sa.Connection
    row: CallRow
    number: int
    caller: Caller

    @property
    def name(self) -> str:
        """The name that everything made in this turn derives from: a repeat makes nothing twice."""
        return f"{self.row.id}.{self.number}"

    @property
    def own(self) -> Caller:
        """The caller, to be texted, remembered and counted, who may see and close what was sent to their
        number: nobody we can know, where the carrier found it forged, whose owner is another.
        """
        return Caller(None) if proof_of(self.row.stir_verstat) is Proof.FORGED else self.caller

    @property
    def next_url(self) -> str:
        return turn_url(self.row.id, self.number + 1)


def turn_url(call_id: str, turn: int) -> str:
    return f"/voice/{call_id}/t/{turn}"


def pay_status_url(call_id: str, turn: int) -> str:
    """Where the carrier reports on the card that it takes in this turn."""
    return f"/voice/{call_id}/pay/{turn}"


@dataclass(frozen=True, slots=True)
class LeftBy:
    """The wait is over: the flow leaves by this exit, with these facts."""

    session: Session
    exit: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The turn ends here; the wait goes on."""

    session: Session
    ending: Ending
    server_prompt: str | None = None
    say: Say | None = None
    """A prompt of the flow, spoken before the ending."""
    same_turn: bool = False
    """The caller came back too early: this very turn is still to be answered."""


@dataclass(frozen=True, slots=True)
class NeedsRemoteCall:
    """The turn cannot end before this remote call is answered."""

    session: Session
    call: RemoteCall


WaitResult = LeftBy | TurnEnd | NeedsRemoteCall
