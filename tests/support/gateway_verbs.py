"""How the contract suite asks a gateway: the first verb of its card entry, a look, a charge that went well.

`card_entry_contract` says for each kind of card entry what is left open here. An order is remembered under
its key, so that a later look asks for it as a worker would.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar

from gateways.capability import GatewayVerb
from gateways.contract import Approved, Card, CardOnFile, LookupResult, Order, PayLink, Result, Unknown
from gateways.secret import Secret
from tests.support.gateway_harness import GatewayHarness

AT_ONCE = 8
HARMS = ("lose_answer", "fail", "garble")
"""Ways to lose an answer to something that was done."""


class GatewayVerbs:
    """What holds for both kinds of card entry; `pay` takes the money in the way of the kind."""

    first: ClassVar[GatewayVerb]
    """The verb that the issuer is asked by."""
    done: ClassVar[type]
    """What it says where it went well."""
    found: ClassVar[type]
    """What a lookup finds after it."""
    undone_by_a_fence: ClassVar[type] = Unknown
    """What the first verb may have said although a fence at the same time says Fenced: more than Unknown
    where a fence that comes second releases what the issuer held.
    """

    def pay(
        self,
        harness: GatewayHarness,
        key: str,
        amount_minor: int = 5000,
        currency: str = "EUR",
        card: Card | None = None,
    ) -> Result:
        return self.pay_order(harness, order_of(key, amount_minor, currency), card)

    def pay_order(self, harness: GatewayHarness, order: Order, card: Card | None = None) -> Result:
        raise NotImplementedError

    def ask_first(
        self,
        harness: GatewayHarness,
        key: str,
        amount_minor: int = 5000,
        card: Card | None = None,
        currency: str = "EUR",
    ) -> Any:
        """Only the first verb: a charge, or an authorization."""
        return self.ask_first_of(harness, order_of(key, amount_minor, currency), card)

    def ask_first_of(self, harness: GatewayHarness, order: Order, card: Card | None = None) -> Any:
        raise NotImplementedError

    def first_times(
        self, harness: GatewayHarness, key: str, times: int = AT_ONCE, **how: Any
    ) -> list[Callable[[], Any]]:
        """The same first verb, ready to be asked `times` times: what must be prepared is prepared."""
        return [lambda: self.ask_first(harness, key, **how) for _ in range(times)]

    def paid(self, harness: GatewayHarness, key: str, amount_minor: int) -> str:
        """The gateway's reference of a charge that went well."""
        result = self.pay(harness, key, amount_minor)
        assert isinstance(result, Approved)
        return result.gateway_reference

    def look(self, harness: GatewayHarness, key: str, *, cancel: bool) -> LookupResult:
        """As a worker does who knows what was asked, and what the gateway called it if that was told."""
        order = harness.orders.get(key) or order_of(key)
        return harness.gateway.lookup(order, cancel=cancel, reference=harness.references.get(key))

    def beyond(self, harness: GatewayHarness) -> list[Callable[[], Any]]:
        """The verbs that not every gateway has, where this one does not declare them."""
        gateway, facts = harness.gateway, harness.gateway.capabilities
        link = PayLink(order_of("a-1"), datetime(2030, 1, 1, tzinfo=UTC), "en", "https://a.b", "https://a.b")
        verbs: list[tuple[bool, Callable[[], Any]]] = [
            (facts.prepares, lambda: gateway.prepare(order_of("a-1"))),
            (facts.links, lambda: gateway.open_link(link)),
            (facts.links, lambda: gateway.lookup_link(link, close=True)),
            (
                facts.saves_cards,
                lambda: gateway.save_card(
                    "a-1", Secret("tok_1"), charge_reference="ch_1", gateway_customer_id=None
                ),
            ),
            (facts.saves_cards, lambda: gateway.delete_card(CardOnFile("cus_1", Secret("tok_1")))),
            (facts.webhooks, lambda: gateway.parse_webhook({}, b"{}")),
            (facts.settlement, lambda: gateway.payout_lines("po_1")),
        ]
        return [verb for declared, verb in verbs if not declared]

    def undeclared(self, harness: GatewayHarness) -> list[Callable[[], Any]]:
        raise NotImplementedError


def order_of(key: str, amount_minor: int = 5000, currency: str = "EUR") -> Order:
    metadata = {"attempt": key, "bill": "bill_1", "call": "call_1"}
    return Order(key, amount_minor, currency, "Water bill 12345678", metadata)


def at_once(asks: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(asks)) as threads:
        return [future.result() for future in [threads.submit(ask) for ask in asks]]


def nothing_moved(harness: GatewayHarness, key: str) -> bool:
    books = harness.books(key)
    return (books.taken_minor, books.held_minor, books.refunded_minor) == (0, 0, 0)
