import pytest

from gateways.capability import Verb, demand
from gateways.contract import Capabilities, CardEntry, UnsupportedError

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
    demand("yours", capabilities, verb, currency=currency)


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
        demand("yours", capabilities, verb, currency=currency)
