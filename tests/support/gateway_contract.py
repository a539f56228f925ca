"""The contract suite: the money properties that every adapter inherits, whatever its card entry.

An adapter inherits it by its card entry: see `card_entry_contract`. The class has a fixture `bench`.
What the suite reads is the gateway's own books; and after every test, whatever it was about, no secret may
stand in any log record, result or file.
"""

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from gateways.capability import Verb
from gateways.contract import (
    Approved,
    Card,
    Declined,
    Fenced,
    GatewayUnreachableError,
    LookupResult,
    NotFound,
    Order,
    PayLink,
    Refund,
    Result,
    Unknown,
    UnsupportedError,
)
from gateways.declines import Decline
from gateways.saved_cards import SavedCard
from gateways.secret import Secret
from tests.support.gateway_bench import LOOKUP, Bench, PlantedBugError
from tests.support.named_charge_contract import NamedChargeContract

AT_ONCE = 8
LONG = 10
"""A secret this long stands in no file by chance; a shorter one may."""
HARMS = ("lose_answer", "fail", "garble")
"""Ways to lose an answer to something that was done."""


class GatewayContract(NamedChargeContract):
    """What holds for both kinds of card entry; `pay` takes the money in the way of the kind."""

    first: ClassVar[Verb]
    """The verb that the issuer is asked by."""
    found: ClassVar[type]
    """What a lookup finds after it."""
    undone_by_a_fence: ClassVar[type] = Unknown
    """What the first verb may have said although a fence at the same time says Fenced: more than Unknown
    where a fence that comes second releases what the issuer held.
    """

    def pay(
        self,
        bench: Bench,
        key: str,
        amount_minor: int = 5000,
        currency: str = "EUR",
        card: Card | None = None,
    ) -> Result:
        raise NotImplementedError

    def ask_first(
        self,
        bench: Bench,
        key: str,
        amount_minor: int = 5000,
        card: Card | None = None,
        currency: str = "EUR",
    ) -> Any:
        """Only the first verb: a charge, or an authorization."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def no_secret_is_left_behind(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        caplog.set_level(logging.DEBUG)
        yield
        secrets = _secrets(bench)
        for record in caplog.get_records("call"):
            said = f"{record.getMessage()} {record.args!r} {record.exc_info!r} {record.exc_text}"
            assert not _leaks(said, secrets), f"a secret in the log of {record.name}"
        for name, content in bench.stored_bytes():
            assert not _leaks(content.decode("latin-1"), {one for one in secrets if len(one) > LONG}), name
        assert not _leaks(bench.stored_text(), secrets)

    # One key, one charge

    def test_the_same_key_charges_once_and_answers_the_same(self, bench: Bench) -> None:
        first, again = self.pay(bench, "a-1"), self.pay(bench, "a-1")

        assert isinstance(first, Approved)
        assert again == first
        assert bench.books("a-1").taken_minor == 5000

    def test_the_same_key_at_once_charges_once(self, bench: Bench) -> None:
        results = at_once(self.first_times(bench, "a-1"))

        assert all(isinstance(result, self.done | Unknown) for result in results), results
        assert isinstance(self.look(bench, "a-1", fence=True), self.found)
        books = bench.books("a-1")
        assert books.taken_minor + books.held_minor == 5000

    def test_a_second_request_while_the_first_is_under_way_is_unknown(self, bench: Bench) -> None:
        ask = self.first_times(bench, "a-1", times=2)
        with ThreadPoolExecutor() as threads:
            with bench.under_way(self.first) as held:
                first = threads.submit(ask[0])
                held.wait_until_reached()
                assert isinstance(ask[1](), Unknown)
            assert isinstance(first.result(), self.done)

    @pytest.mark.parametrize("changed", [{"amount_minor": 6000}, {"currency": "USD"}])
    def test_a_key_with_other_parameters_is_unknown_never_declined(
        self, bench: Bench, changed: dict[str, Any]
    ) -> None:
        self.pay(bench, "a-1")

        assert isinstance(self.ask_first(bench, "a-1", **changed), Unknown)
        assert bench.books("a-1").taken_minor == 5000
        assert isinstance(self.look(bench, "a-1", fence=True), Approved)

    def test_two_keys_are_two_charges(self, bench: Bench) -> None:
        first, second = self.pay(bench, "a-1"), self.pay(bench, "a-2", 7000)

        assert isinstance(first, Approved)
        assert isinstance(second, Approved)
        assert first.gateway_reference != second.gateway_reference
        assert (bench.books("a-1").taken_minor, bench.books("a-2").taken_minor) == (5000, 7000)

    # A lost reply is unknown, and then found or fenced

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_lost_answer_is_unknown_and_then_found(self, bench: Bench, harm: str) -> None:
        ask = self.first_times(bench, "a-1", times=1)[0]
        getattr(bench, harm)(self.first)

        assert isinstance(ask(), Unknown)
        assert isinstance(self.look(bench, "a-1", fence=False), self.found)
        assert isinstance(self.look(bench, "a-1", fence=True), self.found)

    def test_a_lost_decline_is_unknown_and_then_found(self, bench: Bench) -> None:
        ask = self.first_times(bench, "a-1", times=1, card=bench.declining[Decline.INSUFFICIENT_FUNDS])[0]
        bench.lose_answer(self.first)

        assert isinstance(ask(), Unknown)
        found = self.look(bench, "a-1", fence=True)
        assert isinstance(found, Declined)
        assert found.decline is Decline.INSUFFICIENT_FUNDS

    def test_a_lost_request_is_unknown_until_it_is_fenced_and_then_never_charges(self, bench: Bench) -> None:
        ask = self.first_times(bench, "a-1", times=2)
        bench.lose_request(self.first)

        assert isinstance(ask[0](), Unknown)
        assert isinstance(self.look(bench, "a-1", fence=False), Unknown)
        assert self.look(bench, "a-1", fence=True) == Fenced()
        assert isinstance(ask[1](), Unknown), "a late request under a fenced key"
        assert self.look(bench, "a-1", fence=False) == Fenced()
        assert nothing_moved(bench, "a-1")

    def test_a_key_that_was_fenced_before_its_charge_never_charges(self, bench: Bench) -> None:
        ask = self.first_times(bench, "a-1", times=2)

        assert self.look(bench, "a-1", fence=True) == Fenced()
        assert all(isinstance(once(), Unknown) for once in ask)
        assert self.look(bench, "a-1", fence=True) == Fenced()
        assert nothing_moved(bench, "a-1")

    def test_a_charge_and_a_fence_at_once_agree(self, bench: Bench) -> None:
        for number in range(6):
            key = f"a-{number}"
            ask = self.first_times(bench, key, times=1)[0]
            asked, fenced = at_once([ask, lambda key=key: self.look(bench, key, fence=True)])

            if isinstance(fenced, Fenced):
                assert isinstance(asked, Unknown | self.undone_by_a_fence)
                assert nothing_moved(bench, key)
            else:
                assert isinstance(asked, self.done)
                assert isinstance(fenced, self.found | Unknown)

    def test_what_is_under_way_is_not_called_fenced_and_charged(self, bench: Bench) -> None:
        ask = self.first_times(bench, "a-1", times=1)[0]
        with ThreadPoolExecutor() as threads:
            with bench.under_way(self.first) as held:
                late = threads.submit(ask)
                held.wait_until_reached()
                looked = self.look(bench, "a-1", fence=True)
            answered = late.result()

        if isinstance(looked, Fenced):
            assert nothing_moved(bench, "a-1")
        else:
            assert isinstance(looked, Unknown)
            assert isinstance(answered, self.done)
        assert isinstance(self.look(bench, "a-1", fence=True), Fenced | self.found)

    def test_silence_is_unknown(self, bench: Bench) -> None:
        ask = self.first_times(bench, "a-1", times=1)[0]
        bench.be_impatient()
        with bench.under_way(self.first):
            assert isinstance(ask(), Unknown)

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_lookup_whose_answer_is_lost_is_unknown_and_harmless(self, bench: Bench, harm: str) -> None:
        self.pay(bench, "a-1")
        getattr(bench, harm)(LOOKUP)

        assert isinstance(self.look(bench, "a-1", fence=True), Unknown)
        assert isinstance(self.look(bench, "a-1", fence=True), Approved)

    def test_a_gateway_that_is_gone_is_unknown_to_every_verb(self, bench: Bench) -> None:
        paid = self.pay(bench, "a-1")
        ask = self.first_times(bench, "a-2", times=1)[0]
        assert isinstance(paid, Approved)
        bench.close()

        assert isinstance(ask(), Unknown)
        assert isinstance(self.look(bench, "a-1", fence=True), Unknown)
        assert isinstance(bench.gateway.refund(Refund("r-1", paid.gateway_reference, 100, "EUR")), Unknown)
        with pytest.raises(GatewayUnreachableError, match=r"\w+ .*\."):
            bench.gateway.check()

    def test_check_is_content_with_a_gateway_that_is_there(self, bench: Bench) -> None:
        bench.gateway.check()

    # Declines

    def test_every_decline_is_normalised_certain_and_repeated(self, bench: Bench) -> None:
        for number, (decline, card) in enumerate(bench.declining.items()):
            key = f"a-{number}"
            first, again = self.pay(bench, key, card=card), self.pay(bench, key, card=card)

            assert isinstance(first, Declined)
            assert first.decline is decline
            assert again == first
            assert self.look(bench, key, fence=True) == first
            assert nothing_moved(bench, key)

    # Amounts

    @pytest.mark.parametrize("decimals", [0, 2, 3])
    def test_amounts_are_minor_units_in_every_currency(self, bench: Bench, decimals: int) -> None:
        currency = bench.currencies[decimals]
        paid = self.pay(bench, "a-1", 12340, currency)
        assert isinstance(paid, Approved)
        refunded = bench.gateway.refund(Refund("r-1", paid.gateway_reference, 340, currency))

        assert isinstance(refunded, Approved)
        books = bench.books("a-1")
        assert (books.taken_minor, books.refunded_minor, books.currency) == (12340, 340, currency)

    # Refunds

    def test_refunds_in_parts_never_exceed_the_charge(self, bench: Bench) -> None:
        reference = self.paid(bench, "a-1", 5000)
        results = [bench.gateway.refund(Refund(f"r-{n}", reference, 2000, "EUR")) for n in range(3)]

        assert [type(result) for result in results] == [Approved, Approved, Declined]
        assert bench.books("a-1").refunded_minor == 4000
        assert isinstance(bench.gateway.refund(Refund("r-9", reference, 1000, "EUR")), Approved)
        assert isinstance(bench.gateway.refund(Refund("r-10", reference, 1, "EUR")), Declined)
        assert bench.books("a-1").refunded_minor == 5000

    def test_refunds_at_once_never_exceed_the_charge(self, bench: Bench) -> None:
        reference = self.paid(bench, "a-1", 5000)
        results = at_once(
            [
                lambda n=n: bench.gateway.refund(Refund(f"r-{n}", reference, 3000, "EUR"))
                for n in range(AT_ONCE)
            ]
        )

        assert sum(isinstance(result, Approved) for result in results) == 1, results
        assert bench.books("a-1").refunded_minor == 3000

    def test_the_same_refund_again_refunds_once(self, bench: Bench) -> None:
        reference = self.paid(bench, "a-1", 5000)
        refund = Refund("r-1", reference, 2000, "EUR")
        first = bench.gateway.refund(refund)

        assert bench.gateway.refund(refund) == first
        assert isinstance(bench.gateway.refund(Refund("r-1", reference, 2500, "EUR")), Unknown)
        assert bench.books("a-1").refunded_minor == 2000

    def test_a_refund_of_a_charge_that_was_declined_or_never_was_moves_nothing(self, bench: Bench) -> None:
        declined = self.pay(bench, "a-1", card=bench.declining[Decline.GENERIC])
        assert isinstance(declined, Declined)

        for number, reference in enumerate([declined.gateway_reference or "none", "ch_none"]):
            refunded = bench.gateway.refund(Refund(f"r-{number}", reference, 100, "EUR"))
            assert isinstance(refunded, Declined | Unknown)
        assert nothing_moved(bench, "a-1")

    def test_a_refund_in_another_currency_moves_nothing(self, bench: Bench) -> None:
        reference = self.paid(bench, "a-1", 5000)

        assert not isinstance(bench.gateway.refund(Refund("r-1", reference, 100, "USD")), Approved)
        assert bench.books("a-1").refunded_minor == 0

    @pytest.mark.parametrize("harm", HARMS)
    def test_a_refund_whose_answer_is_lost_is_unknown_and_then_found(self, bench: Bench, harm: str) -> None:
        reference = self.paid(bench, "a-1", 5000)
        getattr(bench, harm)(Verb.REFUND)

        refund = Refund("r-1", reference, 2000, "EUR")
        assert isinstance(bench.gateway.refund(refund), Unknown)
        assert isinstance(bench.gateway.lookup_refund(refund, fence=False), Approved)
        assert isinstance(bench.gateway.lookup_refund(refund, fence=True), Approved)
        assert bench.books("a-1").refunded_minor == 2000

    def test_a_refund_that_was_lost_is_fenced_or_sent_again_once(self, bench: Bench) -> None:
        reference = self.paid(bench, "a-1", 5000)
        bench.lose_request(Verb.REFUND)
        refund = Refund("r-1", reference, 2000, "EUR")

        assert isinstance(bench.gateway.refund(refund), Unknown)
        assert isinstance(bench.gateway.lookup_refund(refund, fence=False), Unknown | NotFound)
        found = bench.gateway.lookup_refund(refund, fence=True)
        if found == Fenced():
            assert isinstance(bench.gateway.refund(refund), Unknown)
            assert bench.books("a-1").refunded_minor == 0
        else:
            assert found == NotFound()
            assert isinstance(bench.gateway.refund(refund), Approved)
            assert isinstance(bench.gateway.refund(refund), Approved)
            assert bench.books("a-1").refunded_minor == 2000

    # What is not declared

    def test_a_currency_that_is_not_declared_is_refused_before_anything_is_sent(self, bench: Bench) -> None:
        reference = self.paid(bench, "a-1", 5000)
        ask = self.first_times(bench, "a-2", times=1, currency=bench.foreign_currency)[0]
        sent = bench.requests()

        with pytest.raises(UnsupportedError, match=bench.foreign_currency):
            ask()
        with pytest.raises(UnsupportedError, match=bench.foreign_currency):
            bench.gateway.refund(Refund("r-1", reference, 100, bench.foreign_currency))
        assert bench.requests() == sent

    def test_a_verb_of_the_other_card_entry_is_refused_before_anything_is_sent(self, bench: Bench) -> None:
        sent = bench.requests()
        for verb in self.undeclared(bench):
            with pytest.raises(UnsupportedError):
                verb()
        assert bench.requests() == sent

    def test_a_gateway_that_saves_cards_is_held_to_it(self, bench: Bench) -> None:
        """Its tests inherit `SavedCardContract` too."""
        assert bench.gateway.capabilities.saves_cards == hasattr(self, "saved")

    # Secrets

    def test_no_secret_in_any_repr_or_in_the_locals_of_a_traceback(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = [
            repr(self.pay(bench, "a-1")),
            repr(self.pay(bench, "a-2", card=bench.declining[Decline.GENERIC])),
        ]
        asks = [self.first_times(bench, f"b-{n}", times=1)[0] for n in range(len(HARMS))]
        for ask, harm in zip(asks, HARMS, strict=True):
            getattr(bench, harm)(self.first)
            said.append(repr(ask()))
        last = self.first_times(bench, "c-1", times=1)[0]
        bench.plant_bug(monkeypatch)
        with pytest.raises(PlantedBugError) as bug:
            last()
        told = traceback.TracebackException.from_exception(bug.value, capture_locals=True)
        said += [frame for frame in told.format() if "/gateways/" in frame]

        assert not _leaks("\n".join(said), _secrets(bench))

    # What the kinds give

    def look(self, bench: Bench, key: str, *, fence: bool) -> LookupResult:
        """As a worker does who knows what was asked, and what the gateway called it if that was told."""
        order = bench.orders.get(key) or order_of(key)
        return bench.gateway.lookup(order, fence=fence, reference=bench.references.get(key))

    def beyond(self, bench: Bench) -> list[Callable[[], Any]]:
        """The verbs that not every gateway has, where this one does not declare them."""
        gateway, facts = bench.gateway, bench.gateway.capabilities
        link = PayLink(order_of("a-1"), datetime(2030, 1, 1, tzinfo=UTC), "en", "https://a.b", "https://a.b")
        verbs: list[tuple[bool, Callable[[], Any]]] = [
            (facts.prepares, lambda: gateway.prepare(order_of("a-1"))),
            (facts.links, lambda: gateway.open_link(link)),
            (facts.links, lambda: gateway.lookup_link(link, close=True)),
            (
                facts.saves_cards,
                lambda: gateway.save_card("a-1", Secret("tok_1"), charge_reference="ch_1", holder=None),
            ),
            (facts.saves_cards, lambda: gateway.forget_card(SavedCard("cus_1", Secret("tok_1")))),
            (facts.notices, lambda: gateway.hear({}, b"{}")),
            (facts.settlement, lambda: gateway.payout_lines("po_1")),
        ]
        return [verb for declared, verb in verbs if not declared]

    done: ClassVar[type]

    def undeclared(self, bench: Bench) -> list[Callable[[], Any]]:
        raise NotImplementedError

    def first_times(
        self, bench: Bench, key: str, times: int = AT_ONCE, **how: Any
    ) -> list[Callable[[], Any]]:
        """The same first verb, ready to be asked `times` times: what must be prepared is prepared."""
        return [lambda: self.ask_first(bench, key, **how) for _ in range(times)]

    def paid(self, bench: Bench, key: str, amount_minor: int) -> str:
        """The gateway's reference of a charge that went well."""
        result = self.pay(bench, key, amount_minor)
        assert isinstance(result, Approved)
        return result.gateway_reference


def order_of(key: str, amount_minor: int = 5000, currency: str = "EUR") -> Order:
    metadata = {"attempt": key, "bill": "bill_1", "call": "call_1"}
    return Order(key, amount_minor, currency, "Water bill 12345678", metadata)


def at_once(asks: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(asks)) as threads:
        return [future.result() for future in [threads.submit(ask) for ask in asks]]


def nothing_moved(bench: Bench, key: str) -> bool:
    books = bench.books(key)
    return (books.taken_minor, books.held_minor, books.refunded_minor) == (0, 0, 0)


def _secrets(bench: Bench) -> set[str]:
    cards = [bench.good_card, *bench.declining.values()]
    return (
        {card.number.reveal() for card in cards}
        | {card.code.reveal() for card in cards}
        | set(bench.tokens())
    )


def _leaks(said: str, secrets: set[str]) -> list[str]:
    """The secrets in what was said; a short one counts where it stands by itself, as a value does."""
    return [one for one in secrets if one in said and (len(one) > LONG or _stands_alone(one, said))]


def _stands_alone(secret: str, said: str) -> bool:
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])", said) is not None
