"""What an adapter's own tests put on the bench, so that the contract suite can hold it to its money.

A bench knows the adapter, both sides of it, a gateway to talk to (a bank, a fake at the transport), how to
break the line in between, and the gateway's own books: the suite believes the books, never the adapter's
word.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from gateways.capability import GatewayVerb
from gateways.contract import Authorizer, Card, Gateway, Order, Tokenizer
from gateways.declines import Decline
from gateways.secret import Secret

LOOKUP = "lookup"
FORGET = "forget a card"
AskedVerb = GatewayVerb | str
"""A verb, or one of the two above."""


def card(number: str, code: str = "973", month: int = 12, year: int = 2030) -> Card:
    """As it was keyed; the number is a public test number."""
    return Card(Secret(number), month, year, Secret(code))


DECLINING = {
    Decline.EXPIRED_CARD: card("4000000000000069"),
    Decline.GENERIC: card("4000000000000002"),
    Decline.INCORRECT_CVC: card("4000000000000127"),
    Decline.INSUFFICIENT_FUNDS: card("4000000000009995"),
    Decline.ISSUER_UNAVAILABLE: card("4000000000000119"),
    Decline.LOST_STOLEN: card("4000000000009987"),
    Decline.SUSPECTED_FRAUD: card("4100000000000019"),
}
"""Test cards that mean the same at the sandbox and at Stripe."""


class PlantedBugError(Exception):
    """Stands for a bug in an adapter."""


@dataclass(frozen=True)
class GatewayBooks:
    """What the gateway itself has written under one key."""

    taken_minor: int = 0
    held_minor: int = 0
    refunded_minor: int = 0
    currency: str = ""


class GatewayHarness(ABC):
    """One adapter and its gateway, fresh for each test."""

    gateway: Gateway
    tokenizer: Tokenizer
    """AskedVerb where the gateway's card entry is `tokenize`."""
    authorizer: Authorizer
    """AskedVerb where it is `authorize`."""
    good_card: Card = card("4242424242424242")
    declining: Mapping[Decline, Card]
    """A card for every reason that this gateway can give."""
    currencies: Mapping[int, str] = {0: "JPY", 2: "EUR", 3: "KWD"}
    """A currency with 0, with 2 and with 3 decimals."""
    foreign_currency = "XTS"
    """One that the gateway does not declare."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        """What was asked first under each key, as a server keeps it."""
        self.references: dict[str, str] = {}
        """What the gateway called it, where it was prepared."""

    @abstractmethod
    def lose_request(self, asked: AskedVerb) -> None:
        """The next such request breaks before it is read, and so does each repeat by the adapter."""

    @abstractmethod
    def lose_answer(self, asked: AskedVerb) -> None:
        """The next such request is done, and its answer is lost, also that of each repeat by the adapter."""

    @abstractmethod
    def fail(self, asked: AskedVerb) -> None:
        """The next such request is done, and it and each repeat by the adapter are answered by a 5xx."""

    @abstractmethod
    def garble(self, asked: AskedVerb) -> None:
        """The next such request is done, and it and each repeat are answered by a page of HTML."""

    @abstractmethod
    def answer_not_processed(self, asked: AskedVerb) -> None:
        """The next such request is not processed, and the gateway's own answer says so."""

    @abstractmethod
    def under_way(self, asked: AskedVerb) -> AbstractContextManager["HeldRequest"]:
        """The next such request hangs at the gateway, undecided, until the block ends."""

    @abstractmethod
    def be_impatient(self) -> None:
        """From now on the adapter gives the gateway a fraction of a second."""

    @abstractmethod
    def plant_bug(self, patch: pytest.MonkeyPatch) -> None:
        """Makes the adapter raise `PlantedBugError` once the next answer is there, as a bug in it would."""

    @abstractmethod
    def close(self) -> None:
        """The gateway is gone: nobody takes the connection."""

    @abstractmethod
    def requests(self) -> int:
        """How many requests have reached the gateway."""

    @abstractmethod
    def books(self, key: str) -> GatewayBooks: ...

    @abstractmethod
    def tokens(self) -> Iterator[str]:
        """Every token that the gateway has given out."""

    @abstractmethod
    def stored_bytes(self) -> Iterator[tuple[str, bytes]]:
        """Every file that the gateway, or the adapter, keeps: its name and its bytes."""

    @abstractmethod
    def stored_text(self) -> str:
        """The same as text in which values stand apart from each other: short secrets are sought here."""


class HeldRequest(ABC):
    """A request that hangs at the gateway."""

    @abstractmethod
    def wait_until_reached(self) -> None:
        """Returns once the request is at the gateway."""
