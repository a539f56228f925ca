import pytest

from gateways.capability import Capabilities, CardEntry, UnsupportedError, Verb, require

TOKENS = Capabilities(card_entry=CardEntry.TOKENIZE, currencies=frozenset({"EUR"}))
AUTHORIZATIONS = Capabilities(card_entry=CardEntry.AUTHORIZE, refund=True)


@pytest.mark.parametrize(
    ("capabilities", "verb", "currency"),
    [
        (TOKENS, Verb.TOKENIZE, None),
        (TOKENS, Verb.CHARGE, "EUR"),
        (AUTHORIZATIONS, Verb.AUTHORIZE, "KWD"),
        (AUTHORIZATIONS, Verb.CAPTURE, "EUR"),
        (AUTHORIZATIONS, Verb.VOID, None),
        (AUTHORIZATIONS, Verb.REFUND, "JPY"),
    ],
)
def test_what_is_declared_goes_on(capabilities: Capabilities, verb: Verb, currency: str | None) -> None:
    require("yours", capabilities, verb, currency=currency)


@pytest.mark.parametrize(
    ("capabilities", "verb", "currency"),
    [
        (TOKENS, Verb.CHARGE, "USD"),
        (TOKENS, Verb.AUTHORIZE, "EUR"),
        (TOKENS, Verb.CAPTURE, "EUR"),
        (TOKENS, Verb.VOID, None),
        (TOKENS, Verb.REFUND, "EUR"),
        (AUTHORIZATIONS, Verb.CHARGE, "EUR"),
        (AUTHORIZATIONS, Verb.TOKENIZE, None),
    ],
)
def test_what_is_not_declared_is_refused_by_name(
    capabilities: Capabilities, verb: Verb, currency: str | None
) -> None:
    with pytest.raises(UnsupportedError, match="yours"):
        require("yours", capabilities, verb, currency=currency)


@pytest.mark.parametrize(
    ("due_minor", "currency", "most_minor"),
    [
        (4990, "EUR", 4990),
        (10_001, "EUR", 10_000),
        (50, "EUR", 50),
        (49, "EUR", 0),
        (4990, "ISK", 0),
        (1005, "KWD", 1000),
        (9, "KWD", 0),
    ],
)
def test_the_most_of_what_is_due_that_one_charge_takes(
    due_minor: int, currency: str, most_minor: int
) -> None:
    gateway = Capabilities(
        card_entry=CardEntry.TOKENIZE,
        currencies=frozenset({"EUR", "KWD"}),
        minimum_amounts={"EUR": 50},
        maximum_amounts={"EUR": 10_000},
        amount_steps={"KWD": 10},
    )
    assert gateway.largest_charge(due_minor, currency) == most_minor
    assert most_minor == 0 or gateway.accepts(most_minor, currency)
