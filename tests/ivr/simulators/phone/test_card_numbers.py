"""Card numbers as they are keyed: the kind by the first digits, and when a number is whole."""

import pytest

from ivr.simulators.phone import cards
from ivr.simulators.phone.cards import NumberRules
from ivr.simulators.phone.keys import Collector
from tests.support.pay_verb_call import AMEX, VISA


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("4", "visa"), ("51", "mastercard"), ("2221", "mastercard"), ("2720", "mastercard"), ("37", "amex"),
        ("6011", "discover"), ("65", "discover"), ("3528", "jcb"), ("36", "diners-club"),
        ("3095", "diners-club"),
        ("2014", "enroute"), ("50", "maestro"), ("62", "maestro"), ("1", None), ("2721", None), ("", None),
    ],
)  # fmt: skip
def test_kinds_by_their_first_digits(number: str, kind: str | None) -> None:
    assert cards.kind_of(number) == kind


@pytest.mark.parametrize(
    ("keyed", "taken"),
    [
        (VISA + "99", VISA),
        (AMEX + "9", AMEX),
        ("4242424242424241999", "4242424242424241999"),
        ("6205500000000000004" + "1", "6205500000000000004"),
        ("4222222222222#", "4222222222222"),
    ],
)
def test_a_number_goes_on_by_itself_once_it_is_whole(keyed: str, taken: str) -> None:
    collector = Collector(NumberRules(cards.NUMBER_DIGITS_MAX))
    collector.take(keyed)
    assert (collector.digits, collector.complete) == (taken, True)
