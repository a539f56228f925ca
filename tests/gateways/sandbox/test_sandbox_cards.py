"""Every test card stands for what the documentation says, and no other number is taken."""

import re
from pathlib import Path

import pytest

import gateways.sandbox
from gateways.contract import CardAuthorized, Declined, Order, Tokenized
from gateways.declines import Decline
from gateways.sandbox.answers import normalised
from gateways.sandbox.bank import cards
from gateways.sandbox.bank.faults import BY_ENDING, Harm
from gateways.sandbox.settings import SandboxCardSettings
from gateways.sandbox.tokenize import SandboxTokenizer, from_settings
from tests.support.gateway_harness import card
from tests.support.sandbox_bank import RunningBank

README = (Path(gateways.sandbox.__file__).parent / "README.md").read_text()


@pytest.fixture
def pci(bank: RunningBank) -> SandboxTokenizer:
    return from_settings(SandboxCardSettings(bank.url))


@pytest.mark.parametrize(
    ("number", "code", "brand"),
    [
        ("4242424242424242", "973", "visa"),
        ("5555555555554444", "973", "mastercard"),
        ("378282246310005", "9731", "amex"),
        ("6011111111111117", "973", "discover"),
        ("3056930009020004", "973", "diners"),
        ("3566002020360505", "973", "jcb"),
        ("6200000000000005", "973", "unionpay"),
        ("6205500000000000004", "973", "unionpay"),
    ],
)
def test_cards_of_every_brand_are_taken(
    bank: RunningBank, pci: SandboxTokenizer, number: str, code: str, brand: str
) -> None:
    keyed = card(number, code)

    assert isinstance(pci.tokenize(keyed, key="entry-1"), Tokenized)
    authorized = pci.authorize(keyed, Order("a-1", 5000, "EUR"))
    assert isinstance(authorized, CardAuthorized)
    kept = bank.rows("SELECT brand, last_four FROM card UNION ALL SELECT brand, last_four FROM movement")
    assert kept == [{"brand": brand, "last_four": number[-4:]}] * 2
    assert number not in bank.dump()


@pytest.mark.parametrize(
    ("keyed", "decline"),
    [
        (card("4111111111111111"), Decline.INVALID_NUMBER),
        (card("4242424242424241"), Decline.INVALID_NUMBER),
        (card("42424242424242420"), Decline.INVALID_NUMBER),
        (card("4242424242424242", month=13), Decline.INVALID_EXPIRY),
        (card("4242424242424242", month=10, year=2026), Decline.INVALID_EXPIRY),
        (card("4242424242424242", year=2099), Decline.INVALID_EXPIRY),
        (card("4242424242424242", code="9731"), Decline.INCORRECT_CVC),
        (card("378282246310005", code="973"), Decline.INCORRECT_CVC),
        (card("4242424242424242", code="٩٧٣"), Decline.INCORRECT_CVC),
    ],
)
def test_what_is_wrong_as_keyed_is_declined_in_both_ways(
    bank: RunningBank, pci: SandboxTokenizer, keyed: object, decline: Decline
) -> None:
    tokenized = pci.tokenize(keyed, key="entry-1")  # type: ignore[arg-type]
    authorized = pci.authorize(keyed, Order("a-1", 5000, "EUR"))  # type: ignore[arg-type]

    assert isinstance(tokenized, Declined)
    assert isinstance(authorized, Declined)
    assert (tokenized.decline, authorized.decline) == (decline, decline)
    assert bank.rows("SELECT last_four FROM movement") == [{"last_four": ""}], "a real card leaves no digit"


def test_a_card_of_this_month_is_not_past(pci: SandboxTokenizer) -> None:
    assert isinstance(pci.tokenize(card("4242424242424242", month=11, year=2026), key="entry-1"), Tokenized)


def test_another_card_under_the_same_entry_is_refused(pci: SandboxTokenizer) -> None:
    pci.tokenize(card("4242424242424242"), key="entry-1")

    assert not isinstance(pci.tokenize(card("5555555555554444"), key="entry-1"), Tokenized)


def test_every_outcome_of_a_card_has_a_reason_of_its_own() -> None:
    codes = {facts.outcome for facts in cards.table()} - {cards.APPROVED, "generic_decline"}

    assert all(normalised(code) is not Decline.GENERIC for code in codes)
    assert normalised("a_code_of_tomorrow") is Decline.GENERIC


def test_the_documentation_lists_every_card_amount_and_harm() -> None:
    for facts in cards.table():
        outcome = "approved" if facts.outcome == cards.APPROVED else f"declined: {facts.outcome}"
        assert re.search(rf"\d{facts.last_four}\b.*\| {facts.brand} \| {outcome} \|", README), facts
    for ending, behaviour in BY_ENDING.items():
        assert f"| {ending} | {behaviour.says} |" in README
    for harm in Harm:
        assert f"| `{harm}` |" in README
