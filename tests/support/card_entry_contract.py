"""The contract suite by card entry: what is charged by token, and what is authorized and captured.

Inherit `TokenContract` or `AuthorizationContract` in a class named `Test...`, and give it a fixture `bench`.
"""

from collections.abc import Callable
from typing import Any

import pytest

from gateways.capability import Verb
from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CaptureRequest,
    Card,
    CardAuthorized,
    CardEntry,
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
from tests.support.gateway_harness import Bench
from tests.support.gateway_verbs import AT_ONCE, HARMS, at_once, nothing_moved, order_of


class TokenContract(GatewayContract):
    """For `card_entry = tokenize`: the PCI process makes a token, the worker charges it."""

    first = Verb.CHARGE
    found = Approved
    done = Approved

    def pay(
        self,
        bench: Bench,
        key: str,
        amount_minor: int = 5000,
        currency: str = "EUR",
        card: Card | None = None,
    ) -> Result:
        return self.charge(bench, key, self.token(bench, key, card), amount_minor, currency)

    def ask_first(
        self,
        bench: Bench,
        key: str,
        amount_minor: int = 5000,
        card: Card | None = None,
        currency: str = "EUR",
    ) -> Result:
        return self.pay(bench, key, amount_minor, currency, card)

    def first_times(
        self,
        bench: Bench,
        key: str,
        times: int = AT_ONCE,
        currency: str = "EUR",
        card: Card | None = None,
    ) -> list[Callable[[], Any]]:
        token = self.token(bench, key, card)
        order = bench.orders.setdefault(key, order_of(key, 5000, currency))
        reference = None if currency == bench.foreign_currency else self.reference(bench, order)
        assert reference is None or isinstance(reference, str)
        return [lambda: bench.gateway.charge(ChargeRequest(order, token, reference)) for _ in range(times)]

    def token(self, bench: Bench, key: str, card: Card | None = None) -> Secret:
        made = bench.tokenizer.tokenize(card or bench.good_card, key=f"entry-{key}")
        assert isinstance(made, Tokenized)
        return made.token

    def charge(
        self, bench: Bench, key: str, token: Secret, amount_minor: int = 5000, currency: str = "EUR"
    ) -> Result:
        order = order_of(key, amount_minor, currency)
        bench.orders.setdefault(key, order)
        reference = self.reference(bench, order)
        if isinstance(reference, Declined | Unknown):
            return reference
        return bench.gateway.charge(ChargeRequest(order, token, reference))

    def reference(self, bench: Bench, order: Order) -> str | Declined | Unknown | None:
        """What must be known before the charge is confirmed, where the gateway prepares."""
        if not bench.gateway.capabilities.prepares:
            return None
        prepared = bench.gateway.prepare(order)
        if not isinstance(prepared, Prepared):
            return prepared
        bench.references.setdefault(order.key, prepared.gateway_reference)
        return prepared.gateway_reference

    def undeclared(self, bench: Bench) -> list[Callable[[], Any]]:
        return [
            lambda: bench.gateway.capture(CaptureRequest("a-1", "au_1", 5000, "EUR")),
            lambda: bench.gateway.void(VoidRequest("a-1", "au_1")),
            *self.beyond(bench),
        ]

    def test_it_declares_tokens(self, bench: Bench) -> None:
        assert bench.gateway.capabilities.card_entry is CardEntry.TOKENIZE

    def test_a_token_pays_under_one_key_alone(self, bench: Bench) -> None:
        token = self.token(bench, "a-1")

        assert isinstance(self.charge(bench, "a-1", token), Approved)
        assert not isinstance(self.charge(bench, "a-2", token), Approved)
        assert nothing_moved(bench, "a-2")

    def test_a_card_tokenized_twice_under_one_key_pays_once(self, bench: Bench) -> None:
        first, again = self.token(bench, "a-1"), self.token(bench, "a-1")

        assert isinstance(self.charge(bench, "a-1", again), Approved)
        assert not isinstance(self.charge(bench, "a-2", first), Approved)

    def test_a_token_that_never_was_is_no_approval(self, bench: Bench) -> None:
        assert not isinstance(self.charge(bench, "a-1", Secret("tok_never")), Approved)
        assert nothing_moved(bench, "a-1")

    @pytest.mark.parametrize("harm", ["lose_request", *HARMS])
    def test_tokenizing_without_an_answer_is_unavailable_and_can_be_repeated(
        self, bench: Bench, harm: str
    ) -> None:
        getattr(bench, harm)(Verb.TOKENIZE)

        lost = bench.tokenizer.tokenize(bench.good_card, key="entry-a-1")
        assert isinstance(lost, Unavailable)
        assert not lost.retry_same_key
        assert isinstance(self.pay(bench, "a-1"), Approved)

    def test_tokenizing_that_was_not_processed_goes_through_under_its_key(self, bench: Bench) -> None:
        bench.turn_away(Verb.TOKENIZE)

        turned_away = bench.tokenizer.tokenize(bench.good_card, key="entry-a-1")
        assert isinstance(turned_away, Unavailable)
        assert turned_away.retry_same_key
        assert isinstance(self.pay(bench, "a-1"), Approved)

    def test_tokenizing_where_nobody_answers_is_unavailable(self, bench: Bench) -> None:
        bench.close()

        assert isinstance(bench.tokenizer.tokenize(bench.good_card, key="entry-a-1"), Unavailable)


class AuthorizationContract(GatewayContract):
    """For `card_entry = authorize`: the PCI process authorizes, the worker captures or voids."""

    first = Verb.AUTHORIZE
    found = Authorized
    done = CardAuthorized

    def pay(
        self,
        bench: Bench,
        key: str,
        amount_minor: int = 5000,
        currency: str = "EUR",
        card: Card | None = None,
    ) -> Result:
        """As a worker that may not remember: what the issuer holds is looked up, and captured."""
        asked = self.ask_first(bench, key, amount_minor, card, currency)
        if isinstance(asked, Declined):
            return asked
        found = self.look(bench, key, cancel=False)
        if isinstance(found, Approved):
            return bench.gateway.capture(CaptureRequest(key, found.gateway_reference, amount_minor, currency))
        assert isinstance(found, Authorized)
        return bench.gateway.capture(CaptureRequest(key, found.authorization, amount_minor, currency))

    def ask_first(
        self,
        bench: Bench,
        key: str,
        amount_minor: int = 5000,
        card: Card | None = None,
        currency: str = "EUR",
    ) -> CardAuthorized | Declined | Unknown:
        order = order_of(key, amount_minor, currency)
        bench.orders.setdefault(key, order)
        return bench.authorizer.authorize(card or bench.good_card, order)

    def undeclared(self, bench: Bench) -> list[Callable[[], Any]]:
        return [
            lambda: bench.gateway.charge(ChargeRequest(order_of("a-1"), Secret("tok_1"))),
            *self.beyond(bench),
        ]

    def held(self, bench: Bench, key: str = "a-1") -> str:
        made = self.ask_first(bench, key)
        assert isinstance(made, CardAuthorized)
        return made.authorization

    def test_it_declares_authorization(self, bench: Bench) -> None:
        assert bench.gateway.capabilities.card_entry is CardEntry.AUTHORIZE

    def test_an_authorization_holds_and_takes_nothing(self, bench: Bench) -> None:
        authorization = self.held(bench)

        assert (bench.books("a-1").held_minor, bench.books("a-1").taken_minor) == (5000, 0)
        assert self.look(bench, "a-1", cancel=True) == Authorized(authorization)
        assert not isinstance(bench.gateway.refund(RefundRequest("r-1", authorization, 100, "EUR")), Approved)

    def test_a_capture_takes_the_money_once(self, bench: Bench) -> None:
        capture = CaptureRequest("a-1", self.held(bench), 5000, "EUR")
        results = at_once([lambda: bench.gateway.capture(capture) for _ in range(AT_ONCE)])

        assert all(isinstance(result, Approved) for result in results), results
        assert len({result.gateway_reference for result in results}) == 1
        assert (bench.books("a-1").held_minor, bench.books("a-1").taken_minor) == (0, 5000)

    @pytest.mark.parametrize(
        "other",
        [{"amount_minor": 5001}, {"currency": "USD"}, {"authorization": "au_none"}, {"key": "a-none"}],
    )
    def test_a_capture_of_something_else_takes_nothing(self, bench: Bench, other: dict[str, Any]) -> None:
        asked = {"key": "a-1", "authorization": self.held(bench), "amount_minor": 5000, "currency": "EUR"}

        assert isinstance(bench.gateway.capture(CaptureRequest(**{**asked, **other})), Unknown)
        assert (bench.books("a-1").held_minor, bench.books("a-1").taken_minor) == (5000, 0)

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_capture_whose_answer_is_lost_is_unknown_and_then_found(self, bench: Bench, harm: str) -> None:
        authorization = self.held(bench)
        getattr(bench, harm)(Verb.CAPTURE)

        assert isinstance(bench.gateway.capture(CaptureRequest("a-1", authorization, 5000, "EUR")), Unknown)
        assert isinstance(self.look(bench, "a-1", cancel=True), Approved)
        assert bench.books("a-1").taken_minor == 5000

    def test_a_capture_that_was_lost_is_still_held_and_can_be_captured(self, bench: Bench) -> None:
        capture = CaptureRequest("a-1", self.held(bench), 5000, "EUR")
        bench.lose_request(Verb.CAPTURE)

        assert isinstance(bench.gateway.capture(capture), Unknown)
        assert isinstance(self.look(bench, "a-1", cancel=True), Authorized)
        assert isinstance(bench.gateway.capture(capture), Approved)

    def test_a_capture_that_was_not_processed_goes_through_again(self, bench: Bench) -> None:
        capture = CaptureRequest("a-1", self.held(bench), 5000, "EUR")
        bench.turn_away(Verb.CAPTURE)

        turned_away = bench.gateway.capture(capture)
        assert isinstance(turned_away, Unknown)
        assert turned_away.retry_same_key
        assert bench.books("a-1").taken_minor == 0
        assert isinstance(bench.gateway.capture(capture), Approved)

    def test_a_void_releases_for_good(self, bench: Bench) -> None:
        authorization = self.held(bench)
        void = VoidRequest("a-1", authorization)

        assert isinstance(bench.gateway.void(void), Approved)
        assert isinstance(bench.gateway.void(void), Approved)
        assert self.look(bench, "a-1", cancel=False) == Cancelled()
        assert not isinstance(
            bench.gateway.capture(CaptureRequest("a-1", authorization, 5000, "EUR")), Approved
        )
        assert not isinstance(self.ask_first(bench, "a-1"), CardAuthorized)
        assert nothing_moved(bench, "a-1")

    def test_what_was_captured_is_not_released(self, bench: Bench) -> None:
        authorization = self.held(bench)
        bench.gateway.capture(CaptureRequest("a-1", authorization, 5000, "EUR"))

        assert isinstance(bench.gateway.void(VoidRequest("a-1", authorization)), Unknown)
        assert isinstance(self.look(bench, "a-1", cancel=True), Approved)
        assert bench.books("a-1").taken_minor == 5000

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_void_whose_answer_is_lost_is_unknown_and_then_found(self, bench: Bench, harm: str) -> None:
        authorization = self.held(bench)
        getattr(bench, harm)(Verb.VOID)

        assert isinstance(bench.gateway.void(VoidRequest("a-1", authorization)), Unknown)
        assert self.look(bench, "a-1", cancel=False) == Cancelled()

    def test_a_capture_and_a_void_at_once_agree(self, bench: Bench) -> None:
        for number in range(6):
            key = f"a-{number}"
            authorization = self.held(bench, key)
            captured, voided = at_once(
                [
                    lambda key=key, held=authorization: bench.gateway.capture(
                        CaptureRequest(key, held, 5000, "EUR")
                    ),
                    lambda key=key, held=authorization: bench.gateway.void(VoidRequest(key, held)),
                ]
            )

            assert isinstance(captured, Approved) != isinstance(voided, Approved)
            assert bench.books(key).taken_minor == (5000 if isinstance(captured, Approved) else 0)
            assert bench.books(key).held_minor == 0
