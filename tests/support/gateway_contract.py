"""The contract suite: the money properties that every adapter inherits, whatever its card entry.

An adapter inherits it by its card entry: see `card_entry_contract`. The class has a fixture `harness`.
Charges and refunds have parts of their own; here stands what holds for every verb: a gateway that is gone,
what is not declared, and that no secret stands in any log record, result or file after a test.
"""

import logging
import re
import traceback
from collections.abc import Iterator

import pytest

from gateways.capability import UnsupportedError
from gateways.contract import Approved, GatewayUnreachableError, RefundRequest, Unknown
from gateways.declines import Decline
from tests.support.charge_contract import ChargeContract
from tests.support.gateway_harness import GatewayHarness, PlantedBugError
from tests.support.gateway_verbs import HARMS, nothing_moved
from tests.support.named_charge_contract import NamedChargeContract
from tests.support.refund_contract import RefundContract

LONG = 10
"""A secret this long stands in no file by chance; a shorter one may."""


class GatewayContract(ChargeContract, RefundContract, NamedChargeContract):
    """All of it, and that no secret is left behind."""

    @pytest.fixture(autouse=True)
    def no_secret_is_left_behind(
        self, harness: GatewayHarness, caplog: pytest.LogCaptureFixture
    ) -> Iterator[None]:
        caplog.set_level(logging.DEBUG)
        yield
        secrets = _secrets(harness)
        for record in caplog.get_records("call"):
            said = f"{record.getMessage()} {record.args!r} {record.exc_info!r} {record.exc_text}"
            assert not _leaks(said, secrets), f"a secret in the log of {record.name}"
        for name, content in harness.stored_bytes():
            assert not _leaks(content.decode("latin-1"), {one for one in secrets if len(one) > LONG}), name
        assert not _leaks(harness.stored_text(), secrets)

    def test_a_gateway_that_is_gone_is_unknown_to_every_verb(self, harness: GatewayHarness) -> None:
        paid = self.pay(harness, "a-1")
        ask = self.first_times(harness, "a-2", times=1)[0]
        assert isinstance(paid, Approved)
        harness.close()

        assert isinstance(ask(), Unknown)
        assert isinstance(self.look(harness, "a-1", cancel=True), Unknown)
        assert isinstance(
            harness.gateway.refund(RefundRequest("r-1", paid.gateway_reference, 100, "EUR")), Unknown
        )
        with pytest.raises(GatewayUnreachableError, match=r"\w+ .*\."):
            harness.gateway.check()

    def test_check_is_content_with_a_gateway_that_is_there(self, harness: GatewayHarness) -> None:
        harness.gateway.check()

    @pytest.mark.parametrize("decimals", [0, 2, 3])
    def test_amounts_are_minor_units_in_every_currency(self, harness: GatewayHarness, decimals: int) -> None:
        currency = harness.currencies[decimals]
        paid = self.pay(harness, "a-1", 12340, currency)
        assert isinstance(paid, Approved)
        refunded = harness.gateway.refund(RefundRequest("r-1", paid.gateway_reference, 340, currency))

        assert isinstance(refunded, Approved)
        books = harness.books("a-1")
        assert (books.taken_minor, books.refunded_minor, books.currency) == (12340, 340, currency)

    @pytest.mark.parametrize("decimals", [0, 2, 3])
    def test_the_least_and_the_most_are_the_gateways_own(
        self, harness: GatewayHarness, decimals: int
    ) -> None:
        """Charged to the last unit that is declared; what lies beyond is not declared, and moves nothing."""
        facts, currency = harness.gateway.capabilities, harness.currencies[decimals]
        step_minor = facts.amount_steps.get(currency, 1)
        least_minor = facts.minimum_amounts.get(currency, step_minor)
        most_minor = facts.maximum_amounts[currency] // step_minor * step_minor
        for amount_minor in (least_minor, most_minor):
            assert facts.accepts(amount_minor, currency)
            assert isinstance(self.pay(harness, f"a-{amount_minor}", amount_minor, currency), Approved)
        for amount_minor in (least_minor - step_minor, most_minor + step_minor):
            assert not facts.accepts(amount_minor, currency) or amount_minor == 0
            assert not isinstance(
                self.ask_first(harness, f"b-{amount_minor}", amount_minor, currency=currency), self.done
            )
            assert nothing_moved(harness, f"b-{amount_minor}")

    def test_a_currency_that_is_not_declared_is_refused_before_anything_is_sent(
        self, harness: GatewayHarness
    ) -> None:
        reference = self.paid(harness, "a-1", 5000)
        ask = self.first_times(harness, "a-2", times=1, currency=harness.foreign_currency)[0]
        sent = harness.requests()

        with pytest.raises(UnsupportedError, match=harness.foreign_currency):
            ask()
        with pytest.raises(UnsupportedError, match=harness.foreign_currency):
            harness.gateway.refund(RefundRequest("r-1", reference, 100, harness.foreign_currency))
        assert harness.requests() == sent

    def test_a_verb_of_the_other_card_entry_is_refused_before_anything_is_sent(
        self, harness: GatewayHarness
    ) -> None:
        sent = harness.requests()
        for verb in self.undeclared(harness):
            with pytest.raises(UnsupportedError):
                verb()
        assert harness.requests() == sent

    def test_a_gateway_that_saves_cards_is_held_to_it(self, harness: GatewayHarness) -> None:
        """Its tests inherit `SavedCardContract` too."""
        assert harness.gateway.capabilities.saves_cards == hasattr(self, "saved")

    def test_no_secret_in_any_repr_or_in_the_locals_of_a_traceback(
        self, harness: GatewayHarness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = [
            repr(self.pay(harness, "a-1")),
            repr(self.pay(harness, "a-2", card=harness.declining[Decline.GENERIC])),
        ]
        asks = [self.first_times(harness, f"b-{n}", times=1)[0] for n in range(len(HARMS))]
        for ask, harm in zip(asks, HARMS, strict=True):
            getattr(harness, harm)(self.first)
            said.append(repr(ask()))
        last = self.first_times(harness, "c-1", times=1)[0]
        harness.plant_bug(monkeypatch)
        with pytest.raises(PlantedBugError) as bug:
            last()
        told = traceback.TracebackException.from_exception(bug.value, capture_locals=True)
        said += [frame for frame in told.format() if "/gateways/" in frame]

        assert not _leaks("\n".join(said), _secrets(harness))


def _secrets(harness: GatewayHarness) -> set[str]:
    cards = [harness.good_card, *harness.declining.values()]
    return (
        {card.number.reveal() for card in cards}
        | {card.code.reveal() for card in cards}
        | set(harness.tokens())
    )


def _leaks(said: str, secrets: set[str]) -> list[str]:
    """The secrets in what was said; a short one counts where it stands by itself, as a value does."""
    return [one for one in secrets if one in said and (len(one) > LONG or _stands_alone(one, said))]


def _stands_alone(secret: str, said: str) -> bool:
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])", said) is not None
