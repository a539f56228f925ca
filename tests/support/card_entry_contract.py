"""The contract suite by card entry: what is charged by token, and what is authorized and captured.

Inherit `TokenContract` or `AuthorizationContract` in a class named `Test...`, and give it a fixture
`harness`.
"""

from collections.abc import Callable
from typing import Any

import pytest

from gateways.capability import CardEntry, GatewayVerb
from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CaptureRequest,
    Card,
    CardAuthorized,
    ChargeRequest,
    Declined,
    Order,
    Prepared,
    RefundRequest,
    Result,
    Tokenized,
    Unavailable,
    Unknown,
    VoidRequest,
)
from gateways.secret import Secret
from tests.support.gateway_contract import GatewayContract
from tests.support.gateway_harness import GatewayHarness
from tests.support.gateway_verbs import AT_ONCE, HARMS, at_once, nothing_moved, order_of


class TokenContract(GatewayContract):
    """For `card_entry = tokenize`: the PCI process makes a token, the worker charges it."""

    first = GatewayVerb.CHARGE
    found = Approved
    done = Approved

    def pay_order(self, harness: GatewayHarness, order: Order, card: Card | None = None) -> Result:
        return self.charge_order(harness, order, self.token(harness, order.key, card))

    def ask_first_of(self, harness: GatewayHarness, order: Order, card: Card | None = None) -> Result:
        return self.pay_order(harness, order, card)

    def first_times(
        self,
        harness: GatewayHarness,
        key: str,
        times: int = AT_ONCE,
        currency: str = "EUR",
        card: Card | None = None,
    ) -> list[Callable[[], Any]]:
        token = self.token(harness, key, card)
        order = harness.orders.setdefault(key, order_of(key, 5000, currency))
        reference = None if currency == harness.foreign_currency else self.reference(harness, order)
        assert reference is None or isinstance(reference, str)
        return [lambda: harness.gateway.charge(ChargeRequest(order, token, reference)) for _ in range(times)]

    def token(self, harness: GatewayHarness, key: str, card: Card | None = None) -> Secret:
        made = harness.tokenizer.tokenize(card or harness.good_card, key=f"entry-{key}")
        assert isinstance(made, Tokenized)
        return made.token

    def charge(self, harness: GatewayHarness, key: str, token: Secret) -> Result:
        return self.charge_order(harness, order_of(key), token)

    def charge_order(self, harness: GatewayHarness, order: Order, token: Secret) -> Result:
        harness.orders.setdefault(order.key, order)
        reference = self.reference(harness, order)
        if isinstance(reference, Declined | Unknown):
            return reference
        return harness.gateway.charge(ChargeRequest(order, token, reference))

    def reference(self, harness: GatewayHarness, order: Order) -> str | Declined | Unknown | None:
        """What must be known before the charge is confirmed, where the gateway prepares."""
        if not harness.gateway.capabilities.prepares:
            return None
        prepared = harness.gateway.prepare(order)
        if not isinstance(prepared, Prepared):
            return prepared
        harness.references.setdefault(order.key, prepared.gateway_reference)
        return prepared.gateway_reference

    def undeclared(self, harness: GatewayHarness) -> list[Callable[[], Any]]:
        return [
            lambda: harness.gateway.capture(CaptureRequest("a-1", "au_1", 5000, "EUR")),
            lambda: harness.gateway.void(VoidRequest("a-1", "au_1")),
            *self.beyond(harness),
        ]

    def test_it_declares_tokens(self, harness: GatewayHarness) -> None:
        assert harness.gateway.capabilities.card_entry is CardEntry.TOKENIZE

    def test_a_token_pays_under_one_key_alone(self, harness: GatewayHarness) -> None:
        token = self.token(harness, "a-1")

        assert isinstance(self.charge(harness, "a-1", token), Approved)
        assert not isinstance(self.charge(harness, "a-2", token), Approved)
        assert nothing_moved(harness, "a-2")

    def test_a_card_tokenized_twice_under_one_key_pays_once(self, harness: GatewayHarness) -> None:
        first, again = self.token(harness, "a-1"), self.token(harness, "a-1")

        assert isinstance(self.charge(harness, "a-1", again), Approved)
        assert not isinstance(self.charge(harness, "a-2", first), Approved)

    def test_a_token_that_never_was_is_no_approval(self, harness: GatewayHarness) -> None:
        assert not isinstance(self.charge(harness, "a-1", Secret("tok_never")), Approved)
        assert nothing_moved(harness, "a-1")

    @pytest.mark.parametrize("harm", ["lose_request", *HARMS])
    def test_tokenizing_without_an_answer_is_unavailable_and_can_be_repeated(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        getattr(harness, harm)(GatewayVerb.TOKENIZE)

        lost = harness.tokenizer.tokenize(harness.good_card, key="entry-a-1")
        assert isinstance(lost, Unavailable)
        assert not lost.retry_same_key
        assert isinstance(self.pay(harness, "a-1"), Approved)

    def test_tokenizing_that_was_not_processed_goes_through_under_its_key(
        self, harness: GatewayHarness
    ) -> None:
        harness.answer_not_processed(GatewayVerb.TOKENIZE)

        not_processed = harness.tokenizer.tokenize(harness.good_card, key="entry-a-1")
        assert isinstance(not_processed, Unavailable)
        assert not_processed.retry_same_key
        assert isinstance(self.pay(harness, "a-1"), Approved)

    def test_tokenizing_where_nobody_answers_is_unavailable(self, harness: GatewayHarness) -> None:
        harness.close()

        assert isinstance(harness.tokenizer.tokenize(harness.good_card, key="entry-a-1"), Unavailable)


class AuthorizationContract(GatewayContract):
    """For `card_entry = authorize`: the PCI process authorizes, the worker captures or voids."""

    first = GatewayVerb.AUTHORIZE
    found = Authorized
    done = CardAuthorized

    def pay_order(self, harness: GatewayHarness, order: Order, card: Card | None = None) -> Result:
        """As a worker that may not remember: what the issuer holds is looked up, and captured."""
        asked = self.ask_first_of(harness, order, card)
        if isinstance(asked, Declined):
            return asked
        found = self.look(harness, order.key, cancel=False)
        if isinstance(found, Approved):
            held = found.gateway_reference
        else:
            assert isinstance(found, Authorized)
            held = found.authorization
        return harness.gateway.capture(CaptureRequest(order.key, held, order.amount_minor, order.currency))

    def ask_first_of(
        self, harness: GatewayHarness, order: Order, card: Card | None = None
    ) -> CardAuthorized | Declined | Unknown:
        harness.orders.setdefault(order.key, order)
        return harness.authorizer.authorize(card or harness.good_card, order)

    def undeclared(self, harness: GatewayHarness) -> list[Callable[[], Any]]:
        return [
            lambda: harness.gateway.charge(ChargeRequest(order_of("a-1"), Secret("tok_1"))),
            *self.beyond(harness),
        ]

    def held(self, harness: GatewayHarness, key: str = "a-1") -> str:
        made = self.ask_first(harness, key)
        assert isinstance(made, CardAuthorized)
        return made.authorization

    def test_it_declares_authorization(self, harness: GatewayHarness) -> None:
        assert harness.gateway.capabilities.card_entry is CardEntry.AUTHORIZE

    def test_an_authorization_holds_and_takes_nothing(self, harness: GatewayHarness) -> None:
        authorization = self.held(harness)

        assert (harness.books("a-1").held_minor, harness.books("a-1").taken_minor) == (5000, 0)
        assert self.look(harness, "a-1", cancel=True) == Authorized(authorization)
        assert not isinstance(
            harness.gateway.refund(RefundRequest("r-1", authorization, 100, "EUR")), Approved
        )

    def test_a_capture_takes_the_money_once(self, harness: GatewayHarness) -> None:
        capture = CaptureRequest("a-1", self.held(harness), 5000, "EUR")
        results = at_once([lambda: harness.gateway.capture(capture) for _ in range(AT_ONCE)])

        assert all(isinstance(result, Approved) for result in results), results
        assert len({result.gateway_reference for result in results}) == 1
        assert (harness.books("a-1").held_minor, harness.books("a-1").taken_minor) == (0, 5000)

    @pytest.mark.parametrize(
        "other",
        [{"amount_minor": 5001}, {"currency": "USD"}, {"authorization": "au_none"}, {"key": "a-none"}],
    )
    def test_a_capture_of_something_else_takes_nothing(
        self, harness: GatewayHarness, other: dict[str, Any]
    ) -> None:
        asked = {"key": "a-1", "authorization": self.held(harness), "amount_minor": 5000, "currency": "EUR"}

        assert isinstance(harness.gateway.capture(CaptureRequest(**{**asked, **other})), Unknown)
        assert (harness.books("a-1").held_minor, harness.books("a-1").taken_minor) == (5000, 0)

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_capture_whose_answer_is_lost_is_unknown_and_then_found(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        authorization = self.held(harness)
        getattr(harness, harm)(GatewayVerb.CAPTURE)

        assert isinstance(harness.gateway.capture(CaptureRequest("a-1", authorization, 5000, "EUR")), Unknown)
        assert isinstance(self.look(harness, "a-1", cancel=True), Approved)
        assert harness.books("a-1").taken_minor == 5000

    def test_a_capture_that_was_lost_is_still_held_and_can_be_captured(self, harness: GatewayHarness) -> None:
        capture = CaptureRequest("a-1", self.held(harness), 5000, "EUR")
        harness.lose_request(GatewayVerb.CAPTURE)

        assert isinstance(harness.gateway.capture(capture), Unknown)
        assert isinstance(self.look(harness, "a-1", cancel=True), Authorized)
        assert isinstance(harness.gateway.capture(capture), Approved)

    def test_a_capture_that_was_not_processed_goes_through_again(self, harness: GatewayHarness) -> None:
        capture = CaptureRequest("a-1", self.held(harness), 5000, "EUR")
        harness.answer_not_processed(GatewayVerb.CAPTURE)

        not_processed = harness.gateway.capture(capture)
        assert isinstance(not_processed, Unknown)
        assert not_processed.retry_same_key
        assert harness.books("a-1").taken_minor == 0
        assert isinstance(harness.gateway.capture(capture), Approved)

    def test_a_void_releases_for_good(self, harness: GatewayHarness) -> None:
        authorization = self.held(harness)
        void = VoidRequest("a-1", authorization)

        assert isinstance(harness.gateway.void(void), Approved)
        assert isinstance(harness.gateway.void(void), Approved)
        assert self.look(harness, "a-1", cancel=False) == Cancelled()
        assert not isinstance(
            harness.gateway.capture(CaptureRequest("a-1", authorization, 5000, "EUR")), Approved
        )
        assert not isinstance(self.ask_first(harness, "a-1"), CardAuthorized)
        assert nothing_moved(harness, "a-1")

    def test_what_was_captured_is_not_released(self, harness: GatewayHarness) -> None:
        authorization = self.held(harness)
        harness.gateway.capture(CaptureRequest("a-1", authorization, 5000, "EUR"))

        assert isinstance(harness.gateway.void(VoidRequest("a-1", authorization)), Unknown)
        assert isinstance(self.look(harness, "a-1", cancel=True), Approved)
        assert harness.books("a-1").taken_minor == 5000

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_void_whose_answer_is_lost_is_unknown_and_then_found(
        self, harness: GatewayHarness, harm: str
    ) -> None:
        authorization = self.held(harness)
        getattr(harness, harm)(GatewayVerb.VOID)

        assert isinstance(harness.gateway.void(VoidRequest("a-1", authorization)), Unknown)
        assert self.look(harness, "a-1", cancel=False) == Cancelled()

    def test_a_capture_and_a_void_at_once_agree(self, harness: GatewayHarness) -> None:
        for number in range(6):
            key = f"a-{number}"
            authorization = self.held(harness, key)
            captured, voided = at_once(
                [
                    lambda key=key, held=authorization: harness.gateway.capture(
                        CaptureRequest(key, held, 5000, "EUR")
                    ),
                    lambda key=key, held=authorization: harness.gateway.void(VoidRequest(key, held)),
                ]
            )

            assert isinstance(captured, Approved) != isinstance(voided, Approved)
            assert harness.books(key).taken_minor == (5000 if isinstance(captured, Approved) else 0)
            assert harness.books(key).held_minor == 0
