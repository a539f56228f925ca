"""Amounts that end in 71 to 79: each as the documentation says, and the money as the bank's books have it."""

import pytest

from gateways.capability import CardEntry
from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CardAuthorized,
    ChargeRequest,
    Declined,
    LookupResult,
    Order,
    RefundRequest,
    Result,
    Unknown,
)
from gateways.declines import Decline
from gateways.sandbox.client import BankClient
from tests.support.sandbox_bank import RunningBank
from tests.support.sandbox_harness import SandboxHarness


@pytest.fixture
def harness(bank: RunningBank) -> SandboxHarness:
    return SandboxHarness(bank, CardEntry.TOKENIZE)


def charge(harness: SandboxHarness, amount_minor: int, currency: str = "EUR", key: str = "a-1") -> Result:
    token = harness.tokenizer.tokenize(harness.good_card, key=f"entry-{key}").token
    return harness.gateway.charge(ChargeRequest(Order(key, amount_minor, currency, "Water"), token))


def lookups(harness: SandboxHarness, count: int, key: str = "a-1") -> list[type[LookupResult]]:
    return [type(harness.gateway.lookup(Order(key, 5000, "EUR"), cancel=True)) for _ in range(count)]


BEHAVIOURS: dict[int, tuple[type, list[type], bool]] = {
    # ending: the answer, what lookups find, whether the money is taken in the end
    70: (Approved, [Approved], True),
    71: (Approved, [Approved], True),
    72: (Unknown, [Approved, Approved], True),
    73: (Unknown, [Cancelled, Cancelled], False),
    74: (Declined, [Declined], False),
    75: (Unknown, [Unknown, Approved, Approved], True),
    76: (Unknown, [Unknown, Declined, Declined], False),
    77: (Unknown, [*[Unknown] * 5, Approved], True),
    78: (Unknown, [Cancelled], False),
    79: (Approved, [Approved], True),
    80: (Approved, [Approved], True),
}


@pytest.mark.parametrize("ending", BEHAVIOURS)
@pytest.mark.parametrize(("currency", "rest"), [("EUR", 4900), ("JPY", 1000), ("KWD", 0)])
def test_an_amount_behaves_as_documented(
    harness: SandboxHarness, ending: int, currency: str, rest: int
) -> None:
    answer, looked_up, taken = BEHAVIOURS[ending]

    assert isinstance(charge(harness, rest + ending, currency), answer)
    assert lookups(harness, len(looked_up)) == looked_up
    assert harness.books("a-1").taken_minor == (rest + ending if taken else 0)


@pytest.mark.parametrize(("ending", "seconds"), [(71, 3.0), (79, 20.0), (80, None)])
def test_a_slow_amount_takes_its_time(
    bank: RunningBank, harness: SandboxHarness, ending: int, seconds: float | None
) -> None:
    charge(harness, 4900 + ending)

    assert bank.processing.slept_s == ([seconds] if seconds else [])


def test_an_abandoned_slow_charge_is_unknown_then_pending_then_approved(
    bank: RunningBank, harness: SandboxHarness
) -> None:
    token = harness.tokenizer.tokenize(harness.good_card, key="entry-1").token
    bank.processing.hold()
    harness.be_impatient()
    assert isinstance(
        harness.gateway.charge(ChargeRequest(Order("a-1", 4971, "EUR", "Water"), token)), Unknown
    )
    bank.processing.wait_until_reached()
    assert lookups(harness, 2) == [Unknown, Unknown]
    harness._speak_with(BankClient(bank.url))

    bank.processing.let_go()
    assert any(lookups(harness, 1) == [Approved] for _ in range(1000)), "the bank never came to an end"
    assert harness.books("a-1").taken_minor == 4971


def test_a_card_that_declines_does_so_whatever_the_amount(harness: SandboxHarness) -> None:
    harness.good_card = harness.declining[Decline.EXPIRED_CARD]
    declined = charge(harness, 4975)

    assert isinstance(declined, Declined)
    assert declined.decline is Decline.EXPIRED_CARD


def test_an_authorization_that_was_pending_is_found_authorized(bank: RunningBank) -> None:
    harness = SandboxHarness(bank, CardEntry.AUTHORIZE)
    answer = harness.authorizer.authorize(harness.good_card, Order("a-1", 4975, "EUR"))

    assert not isinstance(answer, CardAuthorized)
    assert lookups(harness, 2) == [Unknown, Authorized]


@pytest.mark.parametrize(
    ("amount_minor", "looked_up", "refunded_minor"),
    [
        (175, [Unknown, Approved], 175),
        (176, [Unknown, Declined], 0),
        (172, [Approved], 172),
        (173, [Cancelled], 0),
    ],
)
def test_refunds_have_the_same_table_and_a_declined_one_gives_its_part_back(
    harness: SandboxHarness, amount_minor: int, looked_up: list[type], refunded_minor: int
) -> None:
    paid = charge(harness, 200)
    assert isinstance(paid, Approved)

    refund = RefundRequest("r-1", paid.gateway_reference, amount_minor, "EUR")
    assert isinstance(harness.gateway.refund(refund), Unknown)
    assert lookups(harness, len(looked_up), "r-1") == looked_up
    assert harness.books("a-1").refunded_minor == refunded_minor
    rest = harness.gateway.refund(RefundRequest("r-2", paid.gateway_reference, 200 - refunded_minor, "EUR"))
    assert isinstance(rest, Approved)


def test_a_pending_refund_holds_its_part_of_the_charge(harness: SandboxHarness) -> None:
    paid = charge(harness, 200)
    assert isinstance(paid, Approved)
    harness.gateway.refund(RefundRequest("r-1", paid.gateway_reference, 175, "EUR"))

    assert isinstance(
        harness.gateway.refund(RefundRequest("r-2", paid.gateway_reference, 100, "EUR")), Declined
    )
