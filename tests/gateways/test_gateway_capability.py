import pytest

from gateways.capability import Capabilities, CardEntry, GatewayVerb, UnsupportedError, require

TOKENS = Capabilities(card_entry=CardEntry.TOKENIZE, currencies=frozenset({"EUR"}))
AUTHORIZATIONS = Capabilities(card_entry=CardEntry.AUTHORIZE, refund=True)


@pytest.mark.parametrize(
    ("capabilities", "verb", "currency"),
    [
        (TOKENS, GatewayVerb.TOKENIZE, None),
        (TOKENS, GatewayVerb.CHARGE, "EUR"),
        (AUTHORIZATIONS, GatewayVerb.AUTHORIZE, "KWD"),
        (AUTHORIZATIONS, GatewayVerb.CAPTURE, "EUR"),
        (AUTHORIZATIONS, GatewayVerb.VOID, None),
        (AUTHORIZATIONS, GatewayVerb.REFUND, "JPY"),
    ],
)
def test_what_is_declared_goes_on(
    capabilities: Capabilities, verb: GatewayVerb, currency: str | None
) -> None:
    require("yours", capabilities, verb, currency=currency)


@pytest.mark.parametrize(
    ("capabilities", "verb", "currency"),
    [
        (TOKENS, GatewayVerb.CHARGE, "USD"),
        (TOKENS, GatewayVerb.AUTHORIZE, "EUR"),
        (TOKENS, GatewayVerb.CAPTURE, "EUR"),
        (TOKENS, GatewayVerb.VOID, None),
        (TOKENS, GatewayVerb.REFUND, "EUR"),
        (AUTHORIZATIONS, GatewayVerb.CHARGE, "EUR"),
        (AUTHORIZATIONS, GatewayVerb.TOKENIZE, None),
    ],
)
def test_what_is_not_declared_is_refused_by_name(
    capabilities: Capabilities, verb: GatewayVerb, currency: str | None
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
