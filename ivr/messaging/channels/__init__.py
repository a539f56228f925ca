"""What every channel does: it sends a text once, and says afterwards whether the carrier has it.

An answer of the carrier is a value. After `Lost` the text may be on its way, so it is looked for before
anyone sends it again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ivr.messaging.delivery_errors import Refusal


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One text to one payer."""

    confirmation_id: str
    """Comes back in the status callback."""
    mark: str = field(repr=False)
    """Stands in this body and in no other, so that the text can be found in the carrier's list: the payment's
    reference, or the secret in a link.
    """
    recipient: str
    body: str = field(repr=False)
    tried_at: datetime
    """When this try began. Texts created well before this moment are ignored in the search."""
    earlier_id: str | None = None
    """The carrier's id of an earlier copy that was not delivered: ignored in the search."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The carrier has taken it."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier certainly did not take it."""

    error_code: str
    kind: Refusal


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows whether the carrier took it."""

    reason: str


@dataclass(frozen=True, slots=True)
class InList:
    """It stands in the carrier's list."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class NotInList:
    """The whole list was read, and it is not there."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The list could not be read, or not to its end."""

    reason: str


class Channel(Protocol):
    """A way to a payer. Both verbs are bounded in time and safe to call from any thread."""

    name: str

    def send(self, message: OutgoingMessage) -> Sent | Refused | Lost: ...

    def find_sent(self, message: OutgoingMessage) -> InList | NotInList | Unclear: ...
