"""Two gateways behind one server: the merchant changes from the first to the second while calls are under
way, and may change back.

The processes know one of them at a time. What was begun at the other one stays there, unknown, until the
server speaks to it again: it must never be called declined, fenced or charged at the wrong one. The truth
about money is what both hold together.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateways.contract import Gateway
from ivr.simulators.phone.connectors import Connector
from tests.simulation.network import Receiver, Request
from tests.simulation.simulated_gateway import (
    PendingWebhook,
    SimulatedGateway,
    SimulatedSandbox,
    Surroundings,
    Truth,
)
from tests.simulation.simulated_stripe import SimulatedStripe


class TwoGateways:
    """A `SimulatedGateway` made of two; `live` is the one that the settings name."""

    def __init__(self, folder: Path) -> None:
        self.banks: tuple[SimulatedGateway, SimulatedGateway] = (
            SimulatedSandbox(folder, "tokenize"),
            SimulatedStripe("tokenize", moto=True),
        )
        self.live = self.banks[0]
        self.approval = "approval_always"
        """The sandbox bank does not know it, and declines it; at Stripe it leads to a link."""

    @property
    def name(self) -> str:
        return self.live.name

    @property
    def host(self) -> str:
        return self.live.host

    @property
    def settings(self) -> Mapping[str, str]:
        return {**self.banks[0].settings, **self.banks[1].settings}

    @property
    def repeats_a_fault_for(self) -> AbstractSet[str]:
        return {key for bank in self.banks for key in bank.repeats_a_fault_for}

    def switch(self) -> None:
        """From now on the settings name the other one."""
        self.live = next(bank for bank in self.banks if bank is not self.live)

    def begin(self, around: Surroundings) -> None:
        self.live = self.banks[0]
        for bank in self.banks:
            bank.begin(around)

    def truth(self) -> Truth:
        first, second = (bank.truth() for bank in self.banks)
        return Truth(
            taken=[*first.taken, *second.taken],
            given_back=[*first.given_back, *second.given_back],
            held=[*first.held, *second.held],
            open=[*first.open, *second.open],
            payable=[*first.payable, *second.payable],
            kept=[*first.kept, *second.kept],
            by_hand=[*first.by_hand, *second.by_hand],
            told_given_back={**first.told_given_back, **second.told_given_back},
            told_came_back={**first.told_came_back, **second.told_came_back},
        )

    def news(self) -> Sequence[PendingWebhook]:
        return [news for bank in self.banks for news in bank.news()]

    def complaints(self) -> Sequence[str]:
        return [told for bank in self.banks for told in bank.complaints()]

    def let_go(self, key: str) -> None:
        for bank in self.banks:
            bank.let_go(key)

    def give_back(self, key: str, amount_minor: int | None, *, is_slow: bool) -> str | None:
        taken_by = next(bank for bank in self.banks if any(one.key == key for one in bank.truth().taken))
        return taken_by.give_back(key, amount_minor, is_slow=is_slow)

    def pay_page(self, url: str, card: str) -> bool:
        return self._at(url).pay_page(url, card)

    def once_only(self, request: Request) -> str | None:
        return self._at(request.url).once_only(request)

    def is_money(self, path: str) -> bool:
        return self.live.is_money(path)

    def receiver(self) -> Receiver:
        return lambda request: self._at(request.url).receiver()(request)

    def adapter(self, settings: Any) -> Gateway:
        return self.live.adapter(settings)

    def connector(self) -> Connector | None:
        return self.live.connector()

    def close(self) -> None:
        for bank in self.banks:
            bank.close()

    def _at(self, url: str) -> SimulatedGateway:
        host = urlsplit(url).hostname
        return next((bank for bank in self.banks if bank.host == host), self.banks[1])
