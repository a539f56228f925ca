"""How far a wait came in a turn: left by an exit, still waiting, or in need of a remote call."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from flows.language import Say
from ivr.calls.remote_calls import RemoteCall
from ivr.calls.response import Ending, turn_url
from ivr.calls.session import Session
from ivr.calls.store import CallRow
from ivr.customers.caller import Caller
from ivr.fraud.identity import Proof, proof_of


@dataclass(frozen=True, slots=True)
class LeftBy:
    """The wait is over: the flow leaves by this exit, with these facts."""

    session: Session
    exit: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
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


WaitResult = LeftBy | Waiting | NeedsRemoteCall


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
        """The caller, to be texted, remembered and counted: nobody we can know, where the carrier found the
        number forged, whose owner is another.
        """
        return Caller(None) if proof_of(self.row.stir_verstat) is Proof.FORGED else self.caller

    @property
    def own_number(self) -> str | None:
        """The number for which the caller may see and close what was sent to it; None where it was withheld,
        or the carrier found it forged.
        """
        return self.own.number

    @property
    def next_url(self) -> str:
        return turn_url(self.row.id, self.number + 1)
